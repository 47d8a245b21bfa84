//! Time limits of async tasks, on a clock that jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use celeriac_core::Timestamp;
use celeriac_worker::{Definition, TimeLimits};
use tokio::time::Instant;

use crate::fixture::{World, async_task, command, failure_of, hard, success};

const SECOND: Duration = Duration::from_secs(1);

fn endless() -> Definition {
    async_task(|_| std::future::pending())
}

#[tokio::test(start_paused = true)]
async fn a_run_over_its_hard_limit_is_ended() {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let alive = Arc::new(AtomicUsize::new(1));
    let living = alive.clone();
    let mut task = async_task(move |_| {
        let alive = Alive(living.clone());
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    });
    task.limits = hard(SECOND * 5);
    let (world, began) = (World::start(task), Instant::now());
    let key = world.run(command());
    assert_eq!(failure_of(&world.end(key).await), "time_limit");
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(alive.load(Ordering::SeqCst), 0, "its future was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_run_within_its_limit_is_left_alone() {
    let mut task = async_task(|_| async {
        tokio::time::sleep(SECOND).await;
        success()
    });
    task.limits = hard(SECOND * 2);
    let world = World::start(task);
    let key = world.run(command());
    assert_eq!(world.end(key).await, success());
}

#[tokio::test(start_paused = true)]
async fn the_soft_limit_asks_it_to_stop() {
    let mut task = async_task(|context| async move {
        assert!(!context.is_cancelled());
        context.cancelled().await;
        success()
    });
    task.limits = TimeLimits { soft: Some(SECOND), hard: Some(SECOND * 60) };
    let (world, began) = (World::start(task), Instant::now());
    let key = world.run(command());
    assert_eq!(world.end(key).await, success(), "it ended in its own way");
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_messages_own_limits_come_before_its_tasks() {
    let mut task = endless();
    task.limits = hard(SECOND * 60);
    let (world, began) = (World::start(task), Instant::now());
    let mut message = command();
    message.rare_mut().time_limit = Some(SECOND * 2);
    let key = world.run(message);
    assert_eq!(failure_of(&world.end(key).await), "time_limit");
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_messages_own_soft_limit_counts_too() {
    let world = World::start(async_task(|context| async move {
        context.cancelled().await;
        success()
    }));
    let mut message = command();
    message.rare_mut().soft_time_limit = Some(SECOND);
    let key = world.run(message);
    assert_eq!(world.end(key).await, success());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_tree_is_a_hard_limit() {
    let mut task = endless();
    task.limits = hard(SECOND * 3600);
    let (world, began) = (World::start(task), Instant::now());
    let mut message = command();
    message.rare_mut().deadline = Some(Timestamp::now().after(SECOND * 10));
    let key = world.run(message);
    assert_eq!(failure_of(&world.end(key).await), "time_limit");
    assert!(began.elapsed() <= SECOND * 11, "{:?}", began.elapsed());
}
