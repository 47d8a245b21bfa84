//! Two worker processes on one server, one of which is killed at work.

use celeriac::{QueueName, TaskState};

use crate::child::{self, app, double, place};

const TASKS: i64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_held_is_done_by_another() {
    let Some(address) = place() else { return };
    let app = app(&address);
    let mut doomed = child::start(&address);
    let _heir = child::start(&address);
    let mut results = Vec::new();
    for first in (0..TASKS).step_by(1000) {
        results.extend(app.send_many((first..first + 1000).map(double::s)).await.unwrap());
        if first == TASKS / 2 {
            doomed.kill();
            doomed = child::start(&address);
        }
    }
    for (number, result) in (0..).zip(&results) {
        assert_eq!(result.get_timeout(super::PATIENCE).await.unwrap(), 2 * number);
        let entry = result.entry().await.unwrap().unwrap();
        assert_eq!(entry.state, TaskState::Success);
    }
    // Whatever is still held belongs to the dead, and ends with its lease.
    loop {
        let queues = app.queues().await.unwrap();
        let left = queues.iter().find(|queue| queue.name == QueueName::DEFAULT);
        if left.is_none() {
            break;
        }
        tokio::task::yield_now().await;
    }
    app.shutdown().await;
}
