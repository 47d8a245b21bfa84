//! News of runs that go on: that they started, and how far they are.

use celeriac_core::State;
use celeriac_core::outcome::Progress;
use tokio::sync::mpsc;

use crate::fixture::{World, async_task, command, success};

#[tokio::test(start_paused = true)]
async fn a_long_run_tells_that_it_started_once_and_its_latest_progress() {
    let (steps, orders) = mpsc::unbounded_channel::<u64>();
    let orders = std::sync::Arc::new(tokio::sync::Mutex::new(orders));
    let world = World::start(async_task(move |context| {
        let orders = orders.clone();
        async move {
            let mut orders = orders.lock().await;
            while let Some(done) = orders.recv().await {
                context.report(Progress { done: done - 1, total: None, note: None });
                context.report(Progress { done, total: Some(9), note: None });
            }
            success()
        }
    }));
    let message = command();
    let id = message.id;
    let key = world.run(message);
    let marks = |count: usize| world.reports.until(move |r| r.marks.lock().len() >= count);
    marks(1).await;
    steps.send(4).unwrap();
    marks(2).await;
    drop(steps);
    assert_eq!(world.end(key).await, success());
    let marks = world.reports.marks.lock().clone();
    assert!(marks.iter().all(|mark| mark.id == id && mark.state == State::Started));
    let progress: Vec<_> =
        marks.iter().map(|mark| mark.progress.as_ref().map(|p| p.done)).collect();
    assert_eq!(progress, [None, Some(4)]);
}

#[tokio::test]
async fn short_runs_tell_only_their_end() {
    let world = World::start(async_task(|_| async { success() }));
    world.run_many(100);
    world.ends(100).await;
    assert!(world.reports.marks.lock().is_empty());
}
