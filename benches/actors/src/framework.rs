//! What a framework does for the cases. A case it has no means for is left out
//! with the reason.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};

/// How an actor crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Error,
    Panic,
}

/// The operations that the cases are made of. Mailboxes have no bound.
pub trait Framework: 'static {
    /// A running actor that adds up what it is told.
    type Counter: Send + Sync + 'static;

    /// Polls a case where the framework's users have their code: as a task on
    /// one of two workers.
    fn run<T, C>(case: C) -> Result<T>
    where
        T: Send + 'static,
        C: Future<Output = Result<T>> + Send + 'static,
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(runtime.spawn(case))?
    }

    /// An actor that is spawned but may not have started yet.
    fn spawn() -> impl Future<Output = Result<Self::Counter>> + Send;

    /// Adds to the sum.
    fn tell(counter: &Self::Counter, more: u64) -> impl Future<Output = Result<()>> + Send;

    /// The sum.
    fn ask(counter: &Self::Counter) -> impl Future<Output = Result<u64>> + Send;

    /// Stops an actor, and waits for its end.
    fn stop(counter: Self::Counter) -> impl Future<Output = Result<()>> + Send;

    /// Sends a token around a ring; gives the time from the first hop to the last.
    fn ring(_nodes: u64, _hops: u64) -> impl Future<Output = Result<Duration>> + Send {
        async { bail!("not measured") }
    }

    /// Each actor starts ten, down to `leaves`, which give their number to the
    /// one above; the sums go up, and each actor ends when it has given its own.
    fn skynet(_leaves: u64) -> impl Future<Output = Result<u64>> + Send {
        async { bail!("not measured") }
    }

    /// Crashes an actor `times` times; gives the time until it works again after
    /// the last crash.
    fn restart(_how: Failure, _times: u64) -> impl Future<Output = Result<Duration>> + Send {
        async { bail!("it does not restart actors") }
    }
}
