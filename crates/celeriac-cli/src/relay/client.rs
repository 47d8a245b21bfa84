//! The asking side.

use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{Call, Reply, socket_of};
use crate::problem::{Exit, Problem, Result};

/// Asks the worker that uses a directory to do this call; `None` when there is
/// no such worker.
pub(crate) async fn ask(directory: &Path, arguments: Vec<String>) -> Result<Option<Reply>> {
    // No socket, or one that nobody listens to any more: nobody is there.
    let Ok(stream) = UnixStream::connect(socket_of(directory)).await else {
        return Ok(None);
    };
    let gone = |cause: &dyn std::fmt::Display| {
        Problem::new(Exit::Unavailable, format!("the worker went away: {cause}"))
            .hint("whether it did what was asked is not known: look, then try again")
    };
    let mut stream = BufReader::new(stream);
    let mut call = serde_json::to_string(&Call { arguments }).map_err(Problem::failure)?;
    call.push('\n');
    stream.write_all(call.as_bytes()).await.map_err(|error| gone(&error))?;
    let mut reply = String::new();
    stream.read_line(&mut reply).await.map_err(|error| gone(&error))?;
    serde_json::from_str(&reply).map(Some).map_err(|error| gone(&error))
}
