//! What the simulated processes are made of.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use celeriac_core::{BoxFuture, Broker, Store};

/// A broker and a store.
pub type Drivers = (Arc<dyn Broker>, Arc<dyn Store>);

type Servers = Arc<dyn Fn() -> BoxFuture<'static, Result<Drivers, String>> + Send + Sync>;
type Work<A> = Arc<dyn Fn(A) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What the simulation must know of an app: how its servers come to be, how a
/// process connects to them, and how it works.
pub struct Cluster<A> {
    pub(super) servers: Servers,
    pub(super) connect: Arc<dyn Fn(Drivers) -> A + Send + Sync>,
    pub(super) work: Work<A>,
}

impl<A> Clone for Cluster<A> {
    fn clone(&self) -> Self {
        let Self { servers, connect, work } = self;
        Self { servers: servers.clone(), connect: connect.clone(), work: work.clone() }
    }
}

impl<A> Cluster<A> {
    /// A cluster of an app.
    ///
    /// * `servers` opens the broker and the store that survive every crash;
    ///   they must do their work in this thread, as `memory://` does.
    /// * `connect` makes the app of one process, over what it sees of them.
    /// * `work` starts a worker; the process does so until it dies.
    pub fn new<S, E, W, T, F>(
        servers: impl Fn() -> S + Send + Sync + 'static,
        connect: impl Fn(Arc<dyn Broker>, Arc<dyn Store>) -> A + Send + Sync + 'static,
        work: impl Fn(A) -> W + Send + Sync + 'static,
    ) -> Self
    where
        S: Future<Output = Result<Drivers, E>> + Send + 'static,
        E: fmt::Display,
        W: Future<Output = Result<T, F>> + Send + 'static,
        F: fmt::Display,
    {
        Self {
            servers: Arc::new(move || {
                let servers = servers();
                Box::pin(async { servers.await.map_err(|error| error.to_string()) })
            }),
            connect: Arc::new(move |(broker, store)| connect(broker, store)),
            work: Arc::new(move |app| {
                let work = work(app);
                Box::pin(async { work.await.map(drop).map_err(|error| error.to_string()) })
            }),
        }
    }
}

impl<A> fmt::Debug for Cluster<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}
