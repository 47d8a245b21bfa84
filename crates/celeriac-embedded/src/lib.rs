//! The default driver: broker and store in one, without a server.
//!
//! [`Memory`] (`memory://`) keeps everything in the process; [`Durable`]
//! (`file:///dir`) keeps it in a directory. This crate knows no task, no router
//! and no worker; it keeps what `celeriac-core` promises.

#![forbid(unsafe_code)]

mod durable;
mod hub;
mod live;
mod memory;
mod options;
mod socket;

pub use durable::Durable;
pub use memory::Memory;
pub use options::{Options, SyncMode};
