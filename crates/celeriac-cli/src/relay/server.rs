//! The side of the worker.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;

use celeriac::App;
use clap::Parser as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Call, Reply, socket_of};
use crate::arguments::Arguments;
use crate::output::{Output, Reader};
use crate::problem::{Exit, Problem, Result};
use crate::session::{Place, Session};

/// How many calls are worked on at once; more wait.
const MAX_CALLS: usize = 64;
/// The longest call in bytes: a task's body of the largest size, and some.
const MAX_CALL_BYTES: u64 = 16 << 20;

/// Listens in a broker's directory, until it is dropped.
pub(crate) struct Server {
    listener: UnixListener,
    socket: PathBuf,
}

impl Server {
    /// Begins to listen. The caller uses the directory, so that a socket that
    /// is there already was left by a process that died.
    pub(crate) fn bind(directory: &Path) -> io::Result<Self> {
        let socket = socket_of(directory);
        match std::fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, socket })
    }

    /// Works on calls, for ever. Cancel-safe; calls under way are dropped.
    pub(crate) async fn serve(&self, app: &App) {
        let mut calls = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if calls.len() < MAX_CALLS => match accepted {
                    Ok((stream, _)) => calls.push(Box::pin(serve_call(stream, app))),
                    Err(error) => tracing::warn!(%error, "a call could not be accepted"),
                },
                Some(served) = calls.next() => if let Err(error) = served {
                    tracing::debug!(%error, "a call was not answered");
                },
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it can't be removed, the next worker removes it.
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn serve_call(stream: UnixStream, app: &App) -> io::Result<()> {
    let (input, mut out) = stream.into_split();
    let mut input = BufReader::new(input.take(MAX_CALL_BYTES));
    let mut line = String::new();
    input.read_line(&mut line).await?;
    let mut working = pin!(reply(&line, app));
    let mut rest = [0; 1];
    let reply = tokio::select! {
        reply = &mut working => reply,
        // The caller has gone; nobody waits for the answer.
        _ = input.read(&mut rest) => return Ok(()),
    };
    let mut reply = serde_json::to_string(&reply)?;
    reply.push('\n');
    out.write_all(reply.as_bytes()).await
}

async fn reply(line: &str, app: &App) -> Reply {
    let parsed = parse(line);
    let as_json = parsed.as_ref().is_ok_and(|arguments| arguments.globals.json);
    let output = Output::captured(if as_json { Reader::Program } else { Reader::Person });
    let result = match parsed {
        Ok(arguments) => {
            let session =
                Session { app: app.clone(), output: output.clone(), place: Place::Worker };
            Box::pin(crate::perform(arguments.command, &session)).await
        }
        Err(problem) => Err(problem),
    };
    let exit = result.map_or_else(
        |problem| {
            output.problem(&problem);
            problem.exit.code()
        },
        |()| 0,
    );
    let printed = output.into_captured();
    Reply { exit, stdout: printed.stdout, stderr: printed.stderr }
}

fn parse(line: &str) -> Result<Arguments> {
    let wrong = |error: &dyn std::fmt::Display| {
        Problem::new(Exit::Usage, format!("the worker does not understand: {error}"))
            .hint("use the same version of celeriac as the worker")
    };
    let call: Call = serde_json::from_str(line).map_err(|error| wrong(&error))?;
    Arguments::try_parse_from(call.arguments).map_err(|error| wrong(&error))
}
