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

#[cfg(test)]
mod tests {
    use celeriac::App;

    use super::*;

    #[celeriac::task(name = "add")]
    async fn add(a: i64, b: i64) -> i64 {
        a + b
    }

    /// What a worker with the task `add` replies.
    async fn reply_to(arguments: &[&str]) -> Reply {
        let directory = tempfile::tempdir().unwrap();
        let app = App::memory().register(add);
        let worker = app.start_worker().await.unwrap();
        let server = Server::bind(directory.path()).unwrap();
        let arguments = ["celeriac"].iter().chain(arguments).map(|text| (*text).to_owned());
        let reply = tokio::select! {
            reply = ask(directory.path(), arguments.collect()) => reply.unwrap().unwrap(),
            () = server.serve(&app) => unreachable!(),
        };
        worker.stop().await;
        app.shutdown().await;
        reply
    }

    #[tokio::test]
    async fn a_worker_sends_and_waits_for_others() {
        let reply = reply_to(&["--json", "send", "add", "--args", "[2, 3]", "--wait"]).await;
        assert_eq!((reply.exit, reply.stderr.as_str()), (0, ""));
        let known: serde_json::Value = serde_json::from_str(&reply.stdout).unwrap();
        assert_eq!((&known["state"], &known["value"]), (&"SUCCESS".into(), &5.into()));
    }

    #[tokio::test]
    async fn problems_of_the_worker_reach_the_caller() {
        let id = "0198c2a0-1b2c-7d3e-8f40-123456789abc";
        let reply = reply_to(&["result", id]).await;
        assert_eq!((reply.exit, reply.stdout.as_str()), (3, ""));
        assert!(reply.stderr.contains("nothing is known of 0198c2a0"), "{}", reply.stderr);
    }

    #[tokio::test]
    async fn a_worker_does_not_become_another_worker() {
        let reply = reply_to(&["worker"]).await;
        assert_eq!(reply.exit, 2);
    }

    #[tokio::test]
    async fn without_a_worker_nobody_answers() {
        let directory = tempfile::tempdir().unwrap();
        assert!(ask(directory.path(), Vec::new()).await.unwrap().is_none());
        drop(Server::bind(directory.path()).unwrap());
        assert!(ask(directory.path(), Vec::new()).await.unwrap().is_none());
    }
}
