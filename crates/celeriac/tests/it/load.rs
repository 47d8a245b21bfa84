//! A graceful stop under load: each task is done, or waits for the next worker.

use std::time::Duration;

use celeriac::{State, TaskContext};
use celeriac_testkit::probe::eventually;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

use crate::fixture::{app_with, empty, get};

/// How often each task ran to its end.
type Ends = Arc<Mutex<HashMap<u32, u32>>>;

#[celeriac::task]
async fn work(n: u32, ends: State<Ends>, ctx: &TaskContext) -> u32 {
    for _ in 0..n % 5 {
        tokio::task::yield_now().await;
    }
    assert!(!ctx.is_cancelled());
    *ends.lock().entry(n).or_default() += 1;
    n
}

#[tokio::test]
async fn what_is_not_done_when_a_worker_stops_is_done_by_the_next() {
    const TASKS: u32 = 3000;
    let ends = Ends::default();
    let app = app_with(|config| config.worker.concurrency = 4);
    let app = app.register(work).provide(ends.clone());
    let sent = app.send_many((0..TASKS).map(work::s)).await.unwrap();
    let worker = app.start_worker().await.unwrap();
    eventually("some progress", || async { ends.lock().len() > 50 }).await;
    worker.stop_within(Duration::from_secs(30)).await;

    let done = ends.lock().len() as u64;
    assert!(done < u64::from(TASKS), "it stopped in the middle");
    let queues = app.queues().await.unwrap();
    assert_eq!((queues[0].ready, queues[0].in_flight), (u64::from(TASKS) - done, 0));
    let mut known = 0;
    for result in &sent {
        known += u64::from(result.entry().await.unwrap().is_some_and(|e| e.outcome.is_some()));
    }
    assert_eq!(known, done, "what ran has its outcome");

    let second = app.start_worker().await.unwrap();
    for (n, result) in (0..TASKS).zip(&sent) {
        assert_eq!(get(result).await, n);
    }
    empty(&app).await;
    assert!(ends.lock().values().all(|times| *times == 1), "each ran to its end once");
    second.stop().await;
    app.shutdown().await;
}
