//! The limit to compare with: a bare channel between two tasks.

use std::time::Instant;

use tokio::sync::mpsc;

/// As many wait in the channel at the most.
const CAPACITY: usize = 1024;

/// The best of so many runs: the scheduler disturbs some of them.
const RUNS: usize = 5;

/// How many payloads a second a channel moves at the best.
pub(super) async fn best_throughput(tasks: usize, bytes: usize) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..RUNS {
        best = best.max(throughput(tasks, bytes).await);
    }
    best
}

/// Moves `tasks` payloads of `bytes` bytes through a channel, from one thread
/// to another; says how many a second.
async fn throughput(tasks: usize, bytes: usize) -> f64 {
    let payload = "x".repeat(bytes);
    let (tx, mut rx) = mpsc::channel::<(u64, String)>(CAPACITY);
    let mut senders = tokio::task::JoinSet::new();
    let started = Instant::now();
    senders.spawn(async move {
        for index in 0..tasks as u64 {
            if tx.send((index, payload.clone())).await.is_err() {
                break;
            }
        }
    });
    let mut received = 0_u64;
    while let Some((index, payload)) = rx.recv().await {
        std::hint::black_box((index, payload));
        received += 1;
    }
    received as f64 / started.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn all_payloads_arrive() {
        assert!(super::throughput(5000, 10).await > 0.0);
    }
}
