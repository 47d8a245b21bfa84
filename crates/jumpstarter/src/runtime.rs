//! The one place that hands futures, closures and threads to the runtime.

use std::future::Future;
use std::io;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The runtime that a system lives in.
#[derive(Clone)]
pub(crate) struct Runtime(Handle);

impl Runtime {
    /// The runtime of the caller.
    pub(crate) fn current() -> Self {
        Runtime(Handle::current())
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    pub(crate) fn spawn_blocking<T, W>(&self, work: W) -> JoinHandle<T>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        self.0.spawn_blocking(work)
    }

    /// Polls `future` on a thread of its own until it is ready.
    pub(crate) fn spawn_thread<F>(&self, name: &str, future: F) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.0.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || runtime.block_on(future)).map(drop)
    }
}
