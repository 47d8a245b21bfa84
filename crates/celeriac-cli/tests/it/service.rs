//! Commands that run until they are told to stop.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::celeriac::command;

/// Starts a service, and waits until its log says that it runs.
fn start(arguments: &[&str]) -> Child {
    let mut child = command(arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("started") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before it had started");
    }
    // Goes on reading, so that the log has room.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    child
}

fn stop(mut child: Child, signal: &str) -> ExitStatus {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    child.wait().unwrap()
}

#[test]
fn a_worker_ends_well_when_it_is_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let worker = start(&["--broker", "memory://", "worker"]);
        assert_eq!(stop(worker, signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn dev_says_what_can_be_done() {
    let dev = start(&["--broker", "memory://", "dev"]);
    assert_eq!(stop(dev, "-INT").code(), Some(0));
}
