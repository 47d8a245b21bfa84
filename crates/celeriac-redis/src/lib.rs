//! Celeriac on Redis and Valkey: broker, store and sink.
//!
//! [`open`] connects to `redis://` or `rediss://`, to one server or to a
//! cluster, and gives one object that is broker and store; [`Sink`] writes
//! documents to a stream, whatever the broker is. This crate knows no task, no
//! router and no worker; it keeps what `celeriac-core` promises. What is kept
//! under which key is said in the crate's README, what the server does by
//! itself in `script/*.lua`.

#![forbid(unsafe_code)]

mod advance;
mod beginnings;
mod broker;
mod call;
mod client;
mod config;
mod consumer;
mod error;
mod held;
mod keeper;
mod key;
mod reply;
mod script;
mod sink;
mod store;
mod wakes;

use std::sync::Arc;

use celeriac_core::Address;
use celeriac_core::error::Result;
use jumpstarter::System;

pub use broker::Redis;
pub use config::Options;
pub use sink::Sink;

/// Connects to the server or cluster of an address.
///
/// # Errors
/// `Config` for an address that can't be read, `Unreachable` when nobody
/// answers there, `Denied` when the password is wrong.
pub async fn open(address: &Address, options: Options, system: &System) -> Result<Arc<Redis>> {
    Redis::open(address, options, system).await
}
