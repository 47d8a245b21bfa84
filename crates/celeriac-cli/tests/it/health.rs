//! `celeriac health` and `celeriac inspect circuits`, beside a worker in another process.
#![cfg(unix)]

use crate::durable::Directory;
use crate::service::stop;

#[test]
fn health_tells_by_its_exit_code_whether_something_is_unhealthy() {
    let directory = Directory::new();
    let worker = directory.worker();
    let health = loop {
        let called = directory.call(&["health"]);
        // A worker that is busy starting may not answer in time.
        if called.exit != 0 {
            continue;
        }
        let health = called.json();
        let checks = health[0]["answer"]["checks"].as_array().unwrap();
        if checks.iter().all(|check| check["report"]["finding"]["status"] == "healthy") {
            break health;
        }
    };
    assert_eq!(health[0]["answer"]["status"], "healthy", "{health}");
    let table = directory.read(&["health"]).stdout;
    let heads: Vec<_> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heads, ["WORKER", "WHAT", "NAME", "STATUS", "SINCE", "NOTE"]);
    assert!(table.contains("check   broker"), "{table}");
    let open = table.lines().map(|line| line.find("healthy")).filter(Option::is_some);
    let columns: std::collections::BTreeSet<_> = open.collect();
    assert_eq!(columns.len(), 1, "the statuses stand under each other:\n{table}");

    // Four, of which three fail: those open the circuit.
    for _ in 0..4 {
        directory.call(&["send", "panics"]).json();
    }
    let of_task = loop {
        let circuits = directory.call(&["inspect", "circuits"]).json();
        let circuits = circuits[0]["answer"].as_array().cloned().unwrap_or_default();
        if let Some(circuit) = circuits.into_iter().find(|it| it["name"] == "panics") {
            break circuit;
        }
    };
    assert_eq!(of_task["circuit"], "open", "{of_task}");
    let called = directory.call(&["health"]);
    assert_eq!(called.exit, 1, "{called:?}");
    assert!(called.stderr.contains("not healthy: "), "{called:?}");
    assert_eq!(of_task["why"], "panic: it panics always");
    assert_eq!(stop(worker, "-TERM").code(), Some(0));
    assert_eq!(directory.call(&["health"]).exit, 3, "no worker");
}
