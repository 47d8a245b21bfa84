//! Two processes on one directory: one owns it, the other goes through it.

use crate::child::{self, app};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_sends_through_the_owner() {
    let dir = tempfile::tempdir().unwrap();
    let owner = app(dir.path(), 3);
    let worker = owner.start_worker().await.unwrap();

    let mut second = child::start("send", dir.path());
    let id = second.word().expect("the second process could not send").parse().unwrap();
    let value = second.word().expect("the second process got no result");
    assert_eq!(value, "7");
    let seen_by_owner = owner.result::<u64>(id).await.unwrap().get().await.unwrap();
    assert_eq!(seen_by_owner, 7);
    worker.stop().await;
    owner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_dead_owner_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = child::start("send and run", dir.path());
    for _ in 0..5 {
        first.word().expect("the owner died by itself");
    }
    let heir = app(dir.path(), u32::MAX);
    heir.queues().await.unwrap();
    first.kill();

    // What the client was asked before it noticed may fail; what comes after may not.
    let _ = heir.queues().await;
    let worker = heir.start_worker().await.unwrap();
    let ran = dir.path().join("ran.log").display().to_string();
    let result = heir.send(child::record::s(9, ran)).await.unwrap();
    assert_eq!(result.get_timeout(std::time::Duration::from_secs(60)).await.unwrap(), 9);
    worker.stop().await;
    heir.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_result_goes_on_waiting_when_the_owner_dies() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = child::start("send and run", dir.path());
    first.word().unwrap();
    let heir = app(dir.path(), u32::MAX);
    let ran = dir.path().join("ran.log").display().to_string();
    let soon = std::time::Duration::from_millis(500);
    let result = heir.send(child::record::s(11, ran).countdown(soon)).await.unwrap();
    let waits = async {
        let waited = result.get_timeout(std::time::Duration::from_secs(60)).await;
        assert_eq!(waited.unwrap(), 11);
    };
    let goes_on = async {
        first.kill();
        heir.start_worker().await.unwrap()
    };
    let ((), worker) = tokio::join!(waits, goes_on);
    worker.stop().await;
    heir.shutdown().await;
}
