//! Celeriac on RabbitMQ: broker.
//!
//! [`open`] connects to `amqp://` or `amqps://` and gives a broker. This crate
//! knows no task, no router and no worker; it keeps what `celeriac-core`
//! promises of brokers. Coordination state lives in another driver's store.
//! How it uses the server is said in the crate's README.

#![forbid(unsafe_code)]

mod broker;
mod client;
mod config;
mod consumer;
mod error;
mod handover;
mod keeper;
mod link;
mod names;
mod publish;
mod shared;

use std::sync::Arc;

use celeriac_core::Address;
use celeriac_core::error::Result;
use jumpstarter::System;

pub use broker::Amqp;
pub use config::Options;

/// Connects to the server of an address.
///
/// # Errors
/// `Config` for an address that can't be read, `Unreachable` when nobody
/// answers there, `Denied` when the user may not do this.
pub async fn open(address: &Address, options: Options, system: &System) -> Result<Arc<Amqp>> {
    Amqp::open(address, options, system).await
}
