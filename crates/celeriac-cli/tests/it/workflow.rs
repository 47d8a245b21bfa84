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
    assert!(people.contains("· first (add)"), "{people}");
    let graph = directory.read(&["workflow", "graph", id, "--format", "dot"]).stdout;
    assert!(graph.starts_with("digraph"), "{graph}");
    let retried = directory.call(&["workflow", "retry", id]);
    assert_eq!(retried.exit, 1, "{retried:?}");

    let again = directory.call(&["workflow", "run", "sums@2", "--wait", "--timeout", "60s"]);
    assert!(again.stdout.contains("\"result\":13"), "{again:?}");
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

const YAML: &str = "\
workflow:
  sums:
    version: 3
    steps:
      - id: first
        task: add
        args: [1, 2]
      - id: second
        task: add
        needs: [first]
        args: [$.first, 10]
";

#[test]
fn versions_are_loaded_side_by_side_and_never_change() {
    let directory = Directory::new();
    let file = |name: &str, text: &str| {
        let file = std::path::Path::new(directory.path()).join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (old, new) = (file("sums.toml", SUMS), file("sums.yaml", YAML));
    let checked = directory.call(&["workflow", "check", &old, &new]).json();
    assert_eq!(checked["declared"][0]["name"], "sums");
    assert_eq!(checked["tasks"], 0, "no worker says which there are");
    let none = directory.call(&["workflow", "run", "sums"]);
    assert_eq!(none.exit, 3, "check loads nothing: {none:?}");
    assert_eq!(directory.call(&["workflow", "load", &old, &new]).exit, 0);
    assert_eq!(directory.call(&["workflow", "load", &old]).exit, 0, "the same again");
    let declared = directory.call(&["workflow", "list", "--declared"]).json();
    let versions: Vec<_> = declared["declared"].as_array().unwrap().iter().collect();
    assert_eq!(versions.len(), 3, "{declared}");
    let runs = directory.call(&["workflow", "list"]).json();
    assert_eq!(runs["workflows"], serde_json::json!([]), "what is loaded is no run");

    let changed = file("changed.yaml", &YAML.replace("[$.first, 10]", "[$.first, 11]"));
    let refused = directory.call(&["workflow", "load", &changed]);
    assert_eq!(refused.exit, 2, "{refused:?}");
    assert!(refused.stderr.contains("`sums` version 3 was loaded before"), "{refused:?}");
    let latest = directory.call(&["workflow", "run", "sums"]).json();
    let record = directory.call(&["workflow", "list"]).json();
    assert_eq!(record["workflows"][0]["id"], latest["workflow"]);
    assert_eq!(record["workflows"][0]["version"], 3);
    let unknown = directory.call(&["workflow", "run", "sums@4"]);
    assert_eq!(unknown.exit, 3, "{unknown:?}");
    assert!(unknown.stderr.contains("there is sums@2, sums@3"), "{unknown:?}");
    let drawn = directory.read(&["workflow", "graph", "sums@3"]).stdout;
    assert!(drawn.contains("first: add") && drawn.contains(" --> "), "{drawn}");
    let wrong = directory.call(&["workflow", "run", "sums@x"]);
    assert_eq!(wrong.exit, 2, "{wrong:?}");
}

#[test]
fn files_are_checked_against_the_tasks_of_the_workers() {
    let directory = Directory::new();
    let worker = directory.worker();
    let file = std::path::Path::new(directory.path()).join("sums.yaml");
    std::fs::write(&file, YAML.replace("[1, 2]", "[1, two]")).unwrap();
    let told = directory.call(&["workflow", "check", file.to_str().unwrap()]);
    assert_eq!(told.exit, 2, "{told:?}");
    assert!(told.stderr.contains("sums.yaml:7:19: this is a text"), "{told:?}");
    let shown = directory.call(&["tasks", "show", "add"]).json();
    assert_eq!(shown["output"]["type"], "integer", "{shown}");
    let listed = directory.read(&["tasks", "list"]).stdout;
    assert!(listed.contains("a: a whole number"), "{listed}");
    let unknown = directory.call(&["tasks", "show", "ad"]);
    assert_eq!(unknown.exit, 3, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean `add`"), "{unknown:?}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}
