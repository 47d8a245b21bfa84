//! Celeriac on NATS JetStream: broker and sink.
//!
//! [`open`] connects to `nats://` or `tls://`; [`Sink`] writes documents to a
//! subject, whatever the broker is. This crate knows no task, no
//! router and no worker; it keeps what `celeriac-core` promises. What is kept
//! in which stream, and what JetStream can't do, is said in the crate's README.

#![forbid(unsafe_code)]

mod broker;
mod client;
mod config;
mod consumer;
mod error;
mod ghosts;
mod held;
mod holders;
mod keeper;
mod large;
mod name;
mod place;
mod queues;
mod settling;
mod sink;
mod transient;

use std::sync::Arc;

use celeriac_core::Address;
use celeriac_core::error::Result;
use jumpstarter::System;

pub use broker::Nats;
pub use config::Options;
pub use sink::Sink;

/// Connects to the server or cluster of an address.
///
/// # Errors
/// `Config` for an address that can't be read or a server without JetStream,
/// `Unreachable` when nobody answers there, `Denied` when the password or the
/// token is wrong.
pub async fn open(address: &Address, options: Options, system: &System) -> Result<Arc<Nats>> {
    Nats::open(address, options, system).await
}
