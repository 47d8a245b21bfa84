//! `celeriac workflow`, beside a worker in another process.
#![cfg(unix)]

use crate::durable::Directory;
use crate::service::stop;

const SUMS: &str = r#"
[workflow.sums]
version = 2
step = [
  { id = "first", task = "add", args = [1, 2] },
  { id = "second", task = "add", args = [10], needs = ["first"] },
]
[workflow.slow]
version = 1
step = [{ id = "stay", task = "stay" }]
"#;

#[test]
fn a_declared_workflow_is_run_and_looked_after() {
    let directory = Directory::new();
    let worker = directory.worker();
    let file = std::path::Path::new(directory.path()).join("sums.toml");
    std::fs::write(&file, SUMS).unwrap();
    let file = file.to_str().unwrap();

    let run = directory.call(&["workflow", "run", file, "sums", "--wait", "--timeout", "60s"]);
    assert_eq!(run.exit, 0, "{run:?}");
    let last: serde_json::Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["result"], 13);
    let whole = run.stdout.lines().rev().nth(1).unwrap();
    assert!(whole.contains(r#""path":"/""#) && whole.contains("SUCCESS"), "{whole}");
    let id = last["workflow"].as_str().unwrap();

    let shown = directory.call(&["workflow", "show", id]).json();
    assert_eq!((&shown["done"], &shown["total"]), (&2.into(), &2.into()));
    let people = directory.read(&["workflow", "show", id]).stdout;
    assert!(people.contains("· add  task   SUCCESS   1/1"), "{people}");
    let graph = directory.read(&["workflow", "graph", id, "--format", "dot"]).stdout;
    assert!(graph.starts_with("digraph"), "{graph}");
    let retried = directory.call(&["workflow", "retry", id]);
    assert_eq!(retried.exit, 1, "{retried:?}");

    let slow = directory.call(&["workflow", "run", file, "slow"]).json();
    let slow = slow["workflow"].as_str().unwrap();
    let running = directory.call(&["workflow", "list", "--status", "running"]).json();
    assert_eq!(running["workflows"][0]["id"], slow);
    assert_eq!(directory.call(&["workflow", "cancel", slow]).json()["did"], "cancelled");
    let listed = directory.call(&["workflow", "list", "--name", "slow"]).json();
    assert_eq!(listed["workflows"][0]["status"], "CANCELLED");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn mistakes_in_a_file_are_told_with_their_places() {
    let directory = Directory::new();
    let file = std::path::Path::new(directory.path()).join("wrong.toml");
    std::fs::write(&file, "[workflow.w]\nversion = 1\nstep = [{ id = \"a\" }]\n").unwrap();
    let told = directory.call(&["workflow", "run", file.to_str().unwrap()]);
    assert_eq!(told.exit, 2, "{told:?}");
    assert!(told.stderr.contains("wrong.toml:3:9: this step has no `task`"), "{told:?}");
    let unknown = directory.call(&["workflow", "show", "0198c2a0-1b2c-7d3e-8f40-123456789abc"]);
    assert_eq!(unknown.exit, 3, "{unknown:?}");
}
