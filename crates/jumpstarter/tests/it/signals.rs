//! Real signals, sent to a child process: this test itself, started anew.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::{Options, System, actor};

/// Says what the child shall do.
const ROLE: &str = "JUMPSTARTER_SIGNALS";

struct Worker;

struct Hang;

#[actor]
impl Worker {
    #[handler]
    async fn hang(&mut self, _m: Hang) {
        say("hanging");
        std::future::pending::<()>().await;
    }
}

/// On a line of its own, whatever the test harness prints.
fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{line}").unwrap();
}

/// The child: prints its report.
async fn child(role: String) {
    let system = System::new("child");
    let worker = system.spawn("worker", Options::default(), || Worker);
    worker.started().await.unwrap();
    let mut running = Box::pin(system.run_until_signal(Duration::from_secs(3600)));
    // The first poll registers for the signals.
    assert!((&mut running).now_or_never().is_none());
    let talk = async {
        match role.as_str() {
            "hang" => worker.tell(Hang).await.unwrap(),
            _ => say("ready"),
        }
        while !system.is_shutting_down() {
            tokio::task::yield_now().await;
        }
        say("shutting down");
    };
    let (report, ()) = tokio::join!(running, talk);
    let report = report.unwrap();
    say(&format!("stopped {:?}, killed {:?}", report.stopped, report.killed));
}

/// Starts the child, sends it signals after lines that it prints, and gives back
/// the last line.
fn run(test: &str, role: &str, signals: &[(&str, &str)]) -> String {
    let path = format!("signals::{test}");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([path.as_str(), "--exact", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for (after, signal) in signals {
        lines.find(|line| line == after).unwrap();
        let sent = Command::new("kill").args([signal, id.as_str()]).status().unwrap();
        assert!(sent.success());
    }
    let report = lines.find(|line| line.starts_with("stopped")).unwrap_or_default();
    assert!(child.wait().unwrap().success());
    report
}

#[tokio::test]
async fn a_signal_begins_the_shutdown() {
    if let Ok(role) = std::env::var(ROLE) {
        return child(role).await;
    }
    for signal in ["-TERM", "-INT"] {
        let report = run("a_signal_begins_the_shutdown", "wait", &[("ready", signal)]);
        assert_eq!(report, "stopped [\"worker\"], killed []", "{signal}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    if let Ok(role) = std::env::var(ROLE) {
        return child(role).await;
    }
    let signals = [("hanging", "-TERM"), ("shutting down", "-INT")];
    let report = run("a_second_signal_ends_it_at_once", "hang", &signals);
    assert_eq!(report, "stopped [], killed [\"worker\"]");
}
