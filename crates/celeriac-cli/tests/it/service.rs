//! Commands that run until they are told to stop.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::celeriac::command;

/// A process that ends with the test, also with one that fails.
pub(crate) struct Service(Child);

impl From<Child> for Service {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Deref for Service {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Service {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended can't be killed, and need not.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a service, and waits until it says `expected` on stderr.
fn start(arguments: &[&str], expected: &str) -> Service {
    wait_until(command(arguments).stderr(Stdio::piped()).spawn().unwrap(), expected)
}

/// Waits until a service says `expected` on stderr.
pub(crate) fn wait_until(child: Child, expected: &str) -> Service {
    let mut service = Service(child);
    let mut log = BufReader::new(service.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(expected) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it never said `{expected}`");
    }
    // Goes on reading, so that the log has room.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    service
}

/// Asks a service to stop, and waits for its end.
pub(crate) fn stop(service: impl Into<Service>, signal: &str) -> ExitStatus {
    let mut service = service.into();
    let id = service.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    service.wait().unwrap()
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
