//! The second process: it finds the directory taken, and asks the owner over a
//! Unix socket. The frames are documented in `docs/spec/embedded-socket.md`.

mod answer;
pub(crate) mod client;
mod frame;
mod held;
#[cfg(test)]
mod held_tests;
mod link;
mod outgoing;
mod path;
mod request;
mod server;
mod session;
mod workflows;

pub(crate) use client::Client;
pub(crate) use server::Server;

/// The name of the socket in its directory.
pub(crate) const SOCKET: &str = "celeriac.sock";

/// The version of the protocol. Both sides must speak the same.
const VERSION: u32 = 1;

/// The largest frame that is read, in bytes; a larger one ends the connection.
const MAX_FRAME: usize = 64 << 20;

/// Batches are cut so that their frames stay below this many bytes.
const GOOD_FRAME: usize = 8 << 20;

/// How many requests of one connection may be unanswered.
const MAX_REQUESTS: usize = 1024;
