//! `inspect actors`, asked of a worker in another process.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::celeriac::{celeriac, command};
use crate::durable::Directory;
use crate::service::stop;

/// What every worker consists of.
const EXPECTED: [&str; 11] = [
    "publisher",
    "committer",
    "settler",
    "router",
    "intake",
    "timers",
    "revocations",
    "presence",
    "node",
    "task.add",
    "embedded-writer",
];

#[test]
fn a_tree_for_people_programs_and_drawings() {
    let directory = Directory::new();
    let worker = directory.worker();

    let text = directory.read(&["inspect", "actors"]);
    let rows: Vec<&str> = text.stdout.lines().collect();
    assert!(rows[0].starts_with("worker@"), "{text:?}");
    assert!(rows[1].starts_with("ACTOR") && rows[1].ends_with("BUSY"), "{text:?}");
    for actor in EXPECTED {
        let is_it = |row: &&&str| row.split_whitespace().next() == Some(actor);
        let row = rows.iter().find(is_it).unwrap();
        assert!(row.contains("healthy"), "{row}");
    }
    let node = rows.iter().position(|row| row.starts_with("node ")).unwrap();
    assert!(rows[node + 1].starts_with("  inbox "), "under its parent: {text:?}");
    let width = rows[1].chars().count();
    assert!(rows[2..].iter().all(|row| row.chars().count() == width), "aligned: {text:?}");

    let json = directory.call(&["inspect", "actors"]).json();
    let actors = json[0]["answer"].as_array().unwrap();
    for actor in EXPECTED {
        let known = actors.iter().find(|known| known["path"] == actor).unwrap();
        assert_eq!(known["state"], "started.running.healthy");
        assert_eq!(known["restarts"], 0);
    }

    let drawing = directory.read(&["inspect", "actors", "--mermaid"]).stdout;
    assert!(drawing.lines().nth(1).unwrap().starts_with("flowchart"), "{drawing}");
    // Mermaid has a name of its own for the dash.
    let mut drawn = EXPECTED.iter().map(|actor| actor.replace('-', "#45;"));
    assert!(drawn.all(|actor| drawing.contains(&actor)), "{drawing}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

#[test]
fn a_watch_looks_again_until_it_is_told_to_stop() {
    let directory = Directory::new();
    let worker = directory.worker();
    let watch = |extra: &[&str]| {
        let watch =
            ["--broker", directory.path(), "inspect", "actors", "--watch", "--interval", "1ms"];
        let child = command(&[&watch, extra].concat()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    };
    let (child, mut lines) = watch(&[]);
    for _ in 0..3 {
        let time = next(&mut lines, |line| line.ends_with(", every 1ms"));
        humantime::parse_rfc3339(time.trim_end_matches(", every 1ms")).unwrap();
        next(&mut lines, |line| line.starts_with("ACTOR"));
    }
    assert_eq!(stop(child, "-INT").code(), Some(0), "its ordinary end");

    let before = std::time::SystemTime::now() - Duration::from_millis(1);
    let (child, mut lines) = watch(&["--json"]);
    for _ in 0..3 {
        let snapshot: serde_json::Value =
            serde_json::from_str(&next(&mut lines, |_| true)).unwrap();
        assert!(snapshot["workers"][0]["answer"].is_array(), "{snapshot}");
        let taken = humantime::parse_rfc3339(snapshot["taken"].as_str().unwrap()).unwrap();
        assert!(taken >= before && snapshot["interval_ms"] == 1, "{snapshot}");
    }
    assert_eq!(stop(child, "-TERM").code(), Some(0));

    // Who reads no further ends it, too.
    let (mut child, mut lines) = watch(&[]);
    next(&mut lines, |line| line.starts_with("ACTOR"));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}

fn next(lines: &mut Lines<BufReader<ChildStdout>>, is_it: impl Fn(&str) -> bool) -> String {
    lines.map(Result::unwrap).find(|line| is_it(line)).unwrap()
}

#[test]
fn its_help_teaches_and_its_options_fit_together() {
    let help = celeriac(&["help", "inspect", "actors"]).stdout;
    for expected in ["Examples:", "degraded", "RESTARTS", "--interval"] {
        assert!(help.contains(expected), "{help}");
    }
    let arguments = ["--broker", "./x", "inspect", "actors", "--watch", "--mermaid"];
    assert_eq!(celeriac(&arguments).exit, 2);
}

#[test]
fn a_worker_that_is_stopped_by_a_signal_does_not_hold_up_who_asks() {
    let directory = Directory::new();
    let worker = directory.worker();
    let pid = worker.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(signal("-STOP").success());
    let asked = celeriac(&["--broker", directory.path(), "inspect", "actors"]);
    assert!(signal("-CONT").success());
    assert!(asked.stderr.contains("does not answer"), "{asked:?}");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
}
