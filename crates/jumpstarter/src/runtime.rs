//! The one place that hands futures, closures and threads to the runtime.
//!
//! The runtime is tokio's, or a seeded executor (feature `testing`), which is
//! looked for when a system is made and never again; shuttle's where
//! `cargo xtask shuttle` builds it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

#[cfg(feature = "testing")]
use crate::testing::{Seeded, SeededJoin};

/// The runtime that a system lives in.
#[derive(Clone)]
pub(crate) enum Runtime {
    Tokio(Handle),
    #[cfg(feature = "testing")]
    Seeded(Seeded),
    #[cfg(shuttle)]
    Shuttle,
}

impl Runtime {
    /// The runtime of the caller.
    pub(crate) fn current() -> Self {
        #[cfg(feature = "testing")]
        if let Some(seeded) = Seeded::current() {
            return Runtime::Seeded(seeded);
        }
        #[cfg(shuttle)]
        if cfg!(test) {
            return Runtime::Shuttle;
        }
        Runtime::Tokio(Handle::current())
    }

    /// Whether lives begin in the [nursery](crate::nursery). Seeds decide the order of
    /// tasks, so each life is one from its beginning.
    pub(crate) fn has_nursery(&self) -> bool {
        match self {
            Runtime::Tokio(_) => true,
            #[cfg(feature = "testing")]
            Runtime::Seeded(_) => false,
            #[cfg(shuttle)]
            Runtime::Shuttle => true,
        }
    }

    /// Whether this thread is in it.
    pub(crate) fn is_here(&self) -> bool {
        match self {
            Runtime::Tokio(handle) => {
                Handle::try_current().is_ok_and(|current| current.id() == handle.id())
            }
            #[cfg(feature = "testing")]
            Runtime::Seeded(_) => Seeded::current().is_some(),
            #[cfg(shuttle)]
            Runtime::Shuttle => true,
        }
    }

    pub(crate) fn spawn<F>(&self, future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self {
            Runtime::Tokio(handle) => Join::Tokio(handle.spawn(future)),
            #[cfg(feature = "testing")]
            Runtime::Seeded(seeded) => Join::Seeded(seeded.spawn(future)),
            #[cfg(shuttle)]
            Runtime::Shuttle => Join::Shuttle(shuttle::future::spawn(future)),
        }
    }

    pub(crate) fn spawn_blocking<T, W>(&self, work: W) -> Join<T>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        match self {
            Runtime::Tokio(handle) => Join::Tokio(handle.spawn_blocking(work)),
            #[cfg(feature = "testing")]
            Runtime::Seeded(seeded) => Join::Seeded(seeded.spawn(async move { work() })),
            #[cfg(shuttle)]
            Runtime::Shuttle => Join::Shuttle(shuttle::future::spawn(async move { work() })),
        }
    }

    /// Polls `future` on a thread of its own until it is ready.
    pub(crate) fn spawn_thread<F>(&self, name: &str, future: F) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match self {
            Runtime::Tokio(handle) => {
                let runtime = handle.clone();
                let thread = std::thread::Builder::new().name(name.to_owned());
                thread.spawn(move || runtime.block_on(future)).map(drop)
            }
            #[cfg(feature = "testing")]
            Runtime::Seeded(seeded) => {
                drop(seeded.spawn(future));
                Ok(())
            }
            #[cfg(shuttle)]
            Runtime::Shuttle => {
                drop(shuttle::future::spawn(future));
                Ok(())
            }
        }
    }
}

/// A random number that is not for secrets; the same in each run of one seed.
pub(crate) fn entropy() -> u64 {
    #[cfg(feature = "testing")]
    if let Some(seeded) = Seeded::current() {
        return seeded.random();
    }
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// What was spawned. It goes on when this is dropped.
pub(crate) enum Join<T> {
    Tokio(JoinHandle<T>),
    #[cfg(feature = "testing")]
    Seeded(SeededJoin<T>),
    #[cfg(shuttle)]
    Shuttle(shuttle::future::JoinHandle<T>),
}

/// Why there is no output.
pub(crate) enum Lost {
    Panicked(Box<dyn Any + Send>),
    /// It was aborted, or the runtime is gone.
    Dropped,
}

impl<T> Join<T> {
    /// Drops the future at its next await; a closure that runs goes on.
    pub(crate) fn abort(&self) {
        match self {
            Join::Tokio(task) => task.abort(),
            #[cfg(feature = "testing")]
            Join::Seeded(task) => task.abort(),
            #[cfg(shuttle)]
            Join::Shuttle(task) => task.abort(),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Join::Tokio(task) => task.is_finished(),
            #[cfg(feature = "testing")]
            Join::Seeded(task) => task.is_finished(),
            #[cfg(shuttle)]
            Join::Shuttle(task) => task.is_finished(),
        }
    }
}

impl<T> Future for Join<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Join::Tokio(task) => {
                let ended = ready!(Pin::new(task).poll(cx));
                Poll::Ready(ended.map_err(|error| match error.try_into_panic() {
                    Ok(payload) => Lost::Panicked(payload),
                    Err(_) => Lost::Dropped,
                }))
            }
            #[cfg(feature = "testing")]
            Join::Seeded(task) => Pin::new(task).poll(cx),
            #[cfg(shuttle)]
            Join::Shuttle(task) => {
                Poll::Ready(ready!(Pin::new(task).poll(cx)).map_err(|_| Lost::Dropped))
            }
        }
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("finished", &self.is_finished()).finish()
    }
}
