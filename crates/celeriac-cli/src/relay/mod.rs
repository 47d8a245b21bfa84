//! One process at a time uses a broker's directory. While a worker does, other
//! calls of the command line reach it through a socket in that directory, and
//! it does what they ask, with its own app.
//!
//! A call is one line of JSON each way. Who may open the socket is decided by
//! the file system, as for the directory itself.

mod client;
mod server;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use client::ask;
pub(crate) use server::Server;

/// The socket's name in the broker's directory.
const SOCKET: &str = "celeriac.sock";

/// A call: the command line as it was given.
#[derive(Debug, Serialize, Deserialize)]
struct Call {
    arguments: Vec<String>,
}

/// What the call printed, and its exit code.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) exit: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn socket_of(directory: &Path) -> PathBuf {
    directory.join(SOCKET)
}
