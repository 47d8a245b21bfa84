//! Processes of a seeded run: what dies together.

use std::future::Future;

use super::executor::Seeded;

/// A part of a [seeded run](super::run) that can be killed as a process can: at
/// any moment, with everything in it, and without its consent.
///
/// What the future spawns belongs to the process: every [`System`](crate::System)
/// that it makes, with all of its actors. Dropping this changes nothing.
///
/// ```
/// use jumpstarter::testing::{self, Process};
/// use std::time::Duration;
///
/// testing::run(1, async |_system| {
///     let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
///     let process = Process::spawn(async move {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///         sender.send("alive").await
///     });
///     process.kill();
///     assert_eq!(receiver.recv().await, None);
/// });
/// ```
pub struct Process(Seeded);

impl Process {
    /// Begins a process with `future`. What becomes of that is not told.
    ///
    /// # Panics
    ///
    /// Outside of a [seeded run](super::run).
    #[expect(clippy::expect_used, reason = "a test that can't work has failed")]
    pub fn spawn<F>(future: F) -> Self
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let executor = Seeded::current().expect("processes live in `testing::run`").new_process();
        drop(executor.spawn(async move { drop(future.await) }));
        Process(executor)
    }

    /// Drops everything in the process, the oldest first. What is being polled,
    /// as when a process kills itself, is dropped when it waits next.
    pub fn kill(&self) {
        self.0.kill();
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}
