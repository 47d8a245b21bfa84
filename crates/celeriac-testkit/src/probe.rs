//! Waiting and polling in tests, without sleeps.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once. Only a watchdog: a
/// passing test never waits for it.
pub const WATCHDOG: Duration = Duration::from_secs(30);

/// Returns once `condition` is true; lets the other tasks run in between.
///
/// The watchdog is the machine's clock, so it also ends a test whose tokio
/// clock is paused. It does not advance such a clock.
///
/// # Panics
/// When the condition is not true in [`WATCHDOG`].
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let mut asked = 0;
/// celeriac_testkit::probe::eventually("the third answer", || {
///     asked += 1;
///     std::future::ready(asked == 3)
/// })
/// .await;
/// # });
/// ```
pub async fn eventually<C, F>(what: &str, mut condition: C)
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < WATCHDOG, "waited {WATCHDOG:?} for {what}");
        tokio::task::yield_now().await;
    }
}

/// What `future` gives.
///
/// # Panics
/// When that takes longer than [`WATCHDOG`].
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(WATCHDOG, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {WATCHDOG:?} for {what}"),
    }
}

/// Polls `future` once, without a waker: it must be polled again to go on.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
