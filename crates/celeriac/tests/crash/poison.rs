//! A task that kills its process is quarantined; the others are finished.

use celeriac::{Filter, Reason, TaskState};

use crate::child::{self, app, kill_process, record};

/// How often the child may die: the limit of deaths, and once for luck.
const STARTS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_kills_three_processes_is_quarantined_and_the_others_end() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran.log").display().to_string();
    let app_before = app(dir.path(), 3);
    let innocent = |number| record::s(number, ran.clone());
    let mut sent = app_before.send_many((0..100).map(innocent)).await.unwrap();
    let killer = app_before.send(kill_process::s()).await.unwrap();
    sent.extend(app_before.send_many((100..200).map(innocent)).await.unwrap());
    app_before.shutdown().await;

    let mut deaths = 0;
    loop {
        let mut child = child::start("run until done", dir.path());
        let mut last = None;
        while let Some(word) = child.word() {
            last = Some(word);
        }
        if last.as_deref() == Some("finished") {
            break;
        }
        deaths += 1;
        assert!(deaths < STARTS, "the killer is not stopped");
    }
    assert_eq!(deaths, 3);

    let app = app(dir.path(), 3);
    for result in &sent {
        let state = app.result::<u64>(result.id()).await.unwrap().state().await.unwrap();
        assert_eq!(state, TaskState::Success, "{}", result.id());
    }
    let quarantined = app.quarantined(&Filter::default(), 10).await.unwrap();
    let ids: Vec<_> = quarantined.iter().map(|q| (q.content.id(), q.reason)).collect();
    assert_eq!(ids, [(killer.id(), Reason::KilledWorkers)]);
    app.shutdown().await;
}
