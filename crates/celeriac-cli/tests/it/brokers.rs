//! Several brokers: sending by routes, and moving a queue.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use tempfile::TempDir;

use crate::celeriac::{Called, command};

/// Two directories, and a configuration that names both.
struct Two(TempDir);

impl Two {
    fn new() -> Self {
        let two = Self(tempfile::tempdir().unwrap());
        let text = "broker = \"./a\"\nstore = \"./state\"\n[brokers.b]\nurl = \"./b\"\n\
                    [[routes]]\ntask = \"far.*\"\nbrokers = [\"b\", \"default\"]\n";
        std::fs::write(two.0.path().join("celeriac.toml"), text).unwrap();
        two
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command(arguments);
        command.current_dir(self.0.path());
        command
    }

    fn call(&self, arguments: &[&str]) -> Called {
        Called::from(self.command(arguments).output().unwrap())
    }

    /// How many messages wait in a queue of one broker alone.
    fn waiting(&self, broker: &str, queue: &str) -> u64 {
        let path = self.0.path().join("alone");
        std::fs::create_dir_all(&path).unwrap();
        let mut command =
            command(&["--broker", &format!("../{broker}"), "--json", "queues", "list"]);
        let listed = Called::from(command.current_dir(path).output().unwrap()).json();
        let queues = listed.as_array().unwrap().iter();
        let found = queues.filter(|one| one["name"] == queue).find_map(|one| one["ready"].as_u64());
        found.unwrap_or_default()
    }
}

#[test]
fn routes_of_the_file_decide() {
    let two = Two::new();
    for task in ["far.away", "near"] {
        assert_eq!(two.call(&["send", task]).exit, 0);
    }
    assert_eq!((two.waiting("a", "default"), two.waiting("b", "default")), (1, 1));
    let unknown = two.call(&["queues", "move", "default", "--from", "default", "--to", "c"]);
    assert_eq!(unknown.exit, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("no broker is named `c`; there are default, b"), "{unknown:?}");
}

/// Messages in the queue that is moved.
const MESSAGES: u64 = 20_000;

#[test]
fn a_move_that_is_killed_goes_on_and_loses_nothing() {
    let two = Two::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&two.0.path().join("a")));
    assert_eq!(two.waiting("a", "mail"), MESSAGES);

    let arguments = ["--json", "queues", "move", "mail", "--from", "default", "--to", "b"];
    let mut moving = two.command(&arguments[1..]).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(moving.stderr.take().unwrap()).lines();
    // In the middle: some are there, and some are not.
    while !notes.next().expect("it ended before it was killed").unwrap().contains(" moved, ") {}
    moving.kill().unwrap();
    moving.wait().unwrap();
    let (left, there) = (two.waiting("a", "mail"), two.waiting("b", "mail"));
    assert!(left > 0 && there > 0, "killed too late: {left} left, {there} there");
    assert!(left + there >= MESSAGES, "{left} left, {there} there: some are lost");

    let moved = two.call(&arguments).json();
    assert_eq!((moved["moved"].as_u64(), moved["waiting"].as_u64()), (Some(left), Some(0)));
    assert_eq!(two.waiting("a", "mail"), 0);
    // What both had when it was killed is there twice (its acknowledgements were
    // not written yet), and nothing else.
    assert_eq!(two.waiting("b", "mail"), there + left);
}

async fn fill(directory: &std::path::Path) {
    let app = celeriac::App::embedded(directory).unwrap();
    let (broker, _) = app.drivers().await.unwrap();
    let message = |number: u64| {
        let mut message = celeriac_core::Message::command("t".into(), number.to_string());
        message.queue = "mail".into();
        std::sync::Arc::new(message)
    };
    let batch: Vec<_> = (0..MESSAGES).map(message).collect();
    broker.publish(&batch, celeriac_core::broker::Limit::Respect).await.unwrap();
    app.shutdown().await;
}
