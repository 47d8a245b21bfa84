//! A task's actor that crashes says that its runs are lost, and goes on.

use std::sync::atomic::Ordering;

use celeriac_core::ExecutionPlatform;

use crate::fixture::{TASK, World, async_task, command, success};

#[tokio::test(start_paused = true)]
async fn a_crash_is_told_however_often_it_happens() {
    let mut task = async_task(|context| async move {
        match context.message().attempt {
            0 => success(),
            _ => std::future::pending().await,
        }
    });
    task.concurrency = Some(1);
    let world = World::start(task);
    for crash in 1..=8 {
        let mut endless = command();
        endless.attempt = 1;
        let long = world.run(endless);
        world.stats("it runs", |stats| stats.running == 1).await;
        let waiting = world.run(command());
        world.stats("another waits", |stats| stats.waiting == 1).await;
        world.reports.crashes.store(1, Ordering::SeqCst);
        world.worker.cancel(vec![waiting]);
        world.reports.until(|reports| reports.lost.lock().len() == crash).await;
        assert_eq!(world.reports.of(long), None, "it ends unreported");
        world.stats("nothing is left", |stats| (stats.running, stats.waiting) == (0, 0)).await;
    }
    assert!(world.reports.lost.lock().iter().all(|task| *task == TASK));
    let key = world.run(command());
    assert_eq!(world.end(key).await, success(), "it goes on");
}
