//! Commands with a directory: alone, and beside workers in other processes.
#![cfg(unix)]

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};

use celeriac::App;
use tempfile::TempDir;

use crate::celeriac::{Called, celeriac};
use crate::service::{Service, stop, wait_until};

/// The arguments of [`own_program`], if it is to be one.
const ARGUMENTS: &str = "OWN_PROGRAM_ARGUMENTS";

#[celeriac::task(name = "add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[celeriac::task(name = "stay")]
async fn stay() {
    std::future::pending::<()>().await;
}

#[celeriac::task(name = "panics", queue = "panics")]
async fn panics() {
    panic!("it panics always");
}

/// A program with tasks of its own: this test, called by others as a process.
#[test]
fn own_program() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments = arguments.split(' ').map(OsString::from);
    let code = celeriac_cli::run_from(
        App::memory().register(add).register(stay).register(panics),
        arguments,
    );
    let known = [0, 1, 2, 3, 4, 130].into_iter().find(|exit| ExitCode::from(*exit) == code);
    std::process::exit(known.unwrap().into());
}

pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    pub(crate) fn read(&self, arguments: &[&str]) -> Called {
        celeriac(&[&["--broker", self.path()], arguments].concat())
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Called {
        celeriac(&[&["--broker", self.path(), "--json"], arguments].concat())
    }

    pub(crate) fn worker(&self) -> Service {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "durable::own_program", "--nocapture"]);
        command.env(ARGUMENTS, format!("own --broker {} worker", self.path()));
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(child, "started")
    }
}

#[test]
fn what_is_sent_waits_for_a_worker() {
    let directory = Directory::new();
    let sent = directory.call(&["send", "add", "--args", "[2, 3]"]).json();
    let queues = directory.call(&["queues", "list"]).json();
    assert_eq!(queues, serde_json::json!([{"name": "default", "ready": 1, "in_flight": 0}]));
    let worker = directory.worker();
    let id = sent["id"].as_str().unwrap();
    let known = directory.call(&["result", id, "--wait", "--timeout", "10s"]).json();
    assert_eq!(known["value"], 5, "{known}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
    assert_eq!(directory.call(&["result", id]).json()["state"], "SUCCESS");
}

#[test]
fn a_worker_is_asked_by_another_process() {
    let directory = Directory::new();
    let worker = directory.worker();
    let registered = directory.call(&["inspect", "registered"]).json();
    assert_eq!(registered[0]["answer"][0]["name"], "add", "{registered}");
    let sent = directory.call(&["send", "add", "--kwargs", r#"{"a": 1, "b": 1}"#, "--wait"]);
    assert_eq!(sent.json()["value"], 2);
    let doctor = directory.call(&["doctor"]).json();
    assert!(doctor.as_array().unwrap().iter().all(|check| check["verdict"] != "failure"));
    assert_eq!(stop(worker, "-INT").code(), Some(0));
}

#[test]
fn a_mistake_in_a_call_is_named() {
    let directory = Directory::new();
    let worker = directory.worker();
    let sent = directory.read(&["send", "ad", "--args", "[1, 2]"]);
    assert_eq!(sent.exit, 0, "a worker that knows it may come");
    assert!(sent.stderr.contains("no worker knows the task `ad`; did you mean `add`?"), "{sent:?}");
    let sent = directory.read(&["send", "add", "--args", "[1]", "--wait"]);
    assert!(sent.stdout.contains("`b` is missing; the task takes (a, b)"), "{sent:?}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn attempts_are_counted_from_one() {
    let directory = Directory::new();
    let worker = directory.worker();
    let id = directory.call(&["send", "add", "--args", "[1, 2]"]).json()["id"].clone();
    let wait = ["result", id.as_str().unwrap(), "--wait"];
    assert_eq!(directory.call(&wait).json()["attempt"], 1);
    let text = directory.read(&wait).stdout;
    assert!(text.lines().any(|line| line.split_whitespace().eq(["attempts", "1"])), "{text}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn two_workers_share_a_directory() {
    let directory = Directory::new();
    let workers = [directory.worker(), directory.worker()];
    let registered = directory.call(&["inspect", "registered"]).json();
    let names: Vec<_> = registered.as_array().unwrap().iter().map(|one| &one["worker"]).collect();
    assert!(names.len() == 2 && names[0] != names[1], "{registered}");
    assert!(registered.as_array().unwrap().iter().all(|one| one["answer"][0]["name"] == "add"));
    let sent: Vec<_> = (0..20)
        .map(|_| directory.call(&["send", "add", "--args", "[1, 2]"]).json()["id"].clone())
        .collect();
    for id in sent {
        let known = directory.call(&["result", id.as_str().unwrap(), "--wait"]).json();
        assert_eq!(known["value"], 3, "{known}");
    }
    // The first owns the directory; the second goes on without it.
    let [owner, second] = workers;
    assert_eq!(stop(owner, "-TERM").code(), Some(0));
    let sent = directory.call(&["send", "add", "--args", "[2, 2]", "--wait", "--timeout", "20s"]);
    assert_eq!(sent.json()["value"], 4);
    assert_eq!(stop(second, "-TERM").code(), Some(0));
}

#[test]
fn a_killed_worker_leaves_a_directory_that_can_be_used() {
    let directory = Directory::new();
    let mut worker = directory.worker();
    let stays = directory.call(&["send", "stay"]).json();
    while directory.call(&["inspect", "active"]).json()[0]["answer"] == serde_json::json!([]) {}
    worker.kill().unwrap();
    worker.wait().unwrap();
    let sent = directory.call(&["send", "add", "--args", "[2, 3]"]).json();
    let queues = directory.call(&["queues", "list"]).json();
    assert_eq!(queues, serde_json::json!([{"name": "default", "ready": 2, "in_flight": 0}]));
    assert_eq!(directory.call(&["revoke", stays["id"].as_str().unwrap()]).exit, 0);
    assert_eq!(directory.call(&["quarantine", "list"]).json(), serde_json::json!([]));
    let worker = directory.worker();
    let known = directory.call(&["result", sent["id"].as_str().unwrap(), "--wait"]).json();
    assert_eq!(known["value"], 5, "{known}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn a_task_that_runs_elsewhere_is_revoked() {
    let directory = Directory::new();
    let worker = directory.worker();
    let sent = directory.call(&["send", "stay"]).json();
    let id = sent["id"].as_str().unwrap();
    while directory.call(&["inspect", "active"]).json()[0]["answer"] == serde_json::json!([]) {}
    directory.call(&["revoke", id]).json();
    let known = directory.call(&["result", id, "--wait", "--timeout", "10s"]);
    assert!(known.exit == 1 && known.stdout.contains("REVOKED"), "{known:?}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn a_revoked_task_never_runs() {
    let directory = Directory::new();
    let sent = directory.call(&["send", "add", "--args", "[2, 3]"]).json();
    let id = sent["id"].as_str().unwrap();
    directory.call(&["revoke", id]).json();
    let worker = directory.worker();
    let known = directory.call(&["result", id, "--wait", "--timeout", "10s"]);
    assert_eq!(known.exit, 1, "{known:?}");
    assert!(known.stdout.contains("REVOKED"), "{known:?}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn what_nobody_knows_waits_in_quarantine() {
    let directory = Directory::new();
    let worker = directory.worker();
    let sent = directory.call(&["send", "nosuch", "--args", "[1]", "--wait"]);
    assert_eq!(sent.exit, 1, "{sent:?}");
    assert!(sent.stderr.contains("quarantine show"), "{sent:?}");
    let held = directory.call(&["quarantine", "list", "--reason", "unknown_task"]).json();
    let id = held[0]["id"].as_str().unwrap();
    let shown = directory.call(&["quarantine", "show", id]).json();
    assert_eq!(shown["body"], r#"{"args":[1],"kwargs":{}}"#);
    assert_eq!(directory.call(&["quarantine", "discard", id]).exit, 2);
    assert_eq!(directory.call(&["quarantine", "discard", id, "--yes"]).json()["count"], 1);
    assert_eq!(directory.call(&["quarantine", "show", id]).exit, 3);
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once_and_the_task_comes_again() {
    let directory = Directory::new();
    let mut worker = directory.worker();
    directory.call(&["send", "stay"]).json();
    while directory.call(&["inspect", "active"]).json()[0]["answer"] == serde_json::json!([]) {}
    let id = worker.id().to_string();
    // The first asks it to stop, which takes as long as the task; the next ends it.
    while worker.try_wait().unwrap().is_none() {
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }
    assert_eq!(worker.wait().unwrap().code(), Some(130));
    let queues = directory.call(&["queues", "list"]).json();
    assert_eq!(queues[0]["ready"], 1, "{queues}");
}

#[test]
fn a_purged_queue_is_empty() {
    let directory = Directory::new();
    for _ in 0..3 {
        directory.call(&["send", "add", "--queue", "sums"]).json();
    }
    let purged = directory.call(&["queues", "purge", "sums", "--yes"]).json();
    assert_eq!(purged["purged"], 3);
    assert_eq!(directory.call(&["queues", "list"]).json(), serde_json::json!([]));
}
