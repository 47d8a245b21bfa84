//! Panics are failures, counted, and hold up nobody.

use celeriac_core::ExecutionPlatform;
use celeriac_core::platform::RunResult;
use celeriac_worker::Definition;

use crate::fixture::{World, async_task, command, failure_of, hard, sync_task};

async fn panics(task: Definition) {
    let world = World::start(task);
    for count in 1..=3 {
        let key = world.run(command());
        let result = world.end(key).await;
        assert_eq!(failure_of(&result), "panic");
        let RunResult::Failed { failure, retry_after: None } = result else { panic!() };
        assert!(failure.message.contains("ouch"), "{failure}");
        assert_eq!(world.worker.stats().panics, count);
    }
    assert!(world.reports.lost.lock().is_empty());
}

#[tokio::test]
async fn when_the_future_is_made() {
    panics(async_task(|_| -> std::future::Ready<RunResult> { panic!("ouch") })).await;
}

#[tokio::test]
async fn in_the_first_poll() {
    panics(async_task(|_| async { panic!("ouch") })).await;
}

#[tokio::test]
async fn in_a_later_poll() {
    panics(async_task(|_| async {
        tokio::task::yield_now().await;
        panic!("ouch {}", 1)
    }))
    .await;
}

#[tokio::test]
async fn on_a_thread() {
    panics(sync_task(|_| panic!("ouch"))).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_is_dropped_at_its_time_limit() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("ouch");
        }
    }
    let mut task = async_task(|_| async {
        let _bomb = Bomb;
        std::future::pending().await
    });
    task.limits = hard(std::time::Duration::from_secs(1));
    panics(task).await;
}

#[tokio::test]
async fn with_a_payload_that_panics_in_turn() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    for task in [
        async_task(|_| async { std::panic::panic_any(Bomb) }),
        sync_task(|_| std::panic::panic_any(Bomb)),
    ] {
        let world = World::start(task);
        for _ in 0..10 {
            let key = world.run(command());
            assert_eq!(failure_of(&world.end(key).await), "panic");
        }
        assert!(world.reports.lost.lock().is_empty(), "its actor did not crash");
    }
}
