//! Commands that run until they are told to stop.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::celeriac::command;

/// Starts a service, and waits until it says `expected` on stderr.
fn start(arguments: &[&str], expected: &str) -> Child {
    wait_until(command(arguments).stderr(Stdio::piped()).spawn().unwrap(), expected)
}

/// Waits until a service says `expected` on stderr.
pub(crate) fn wait_until(mut child: Child, expected: &str) -> Child {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(expected) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it never said `{expected}`");
    }
    // Goes on reading, so that the log has room.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    child
}

/// Asks a service to stop, and waits for its end.
pub(crate) fn stop(mut child: Child, signal: &str) -> ExitStatus {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    child.wait().unwrap()
}

#[test]
fn a_worker_ends_well_when_it_is_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let worker = start(&["--broker", "memory://", "worker"], "started");
        assert_eq!(stop(worker, signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn dev_says_what_can_be_done() {
    let dev = start(&["--broker", "memory://", "dev"], "It knows no tasks");
    assert_eq!(stop(dev, "-INT").code(), Some(0));
}
