//! The world that a scenario acts in: nodes that die and come again, and
//! clients.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Broker, Store};
use parking_lot::MappedMutexGuard;
use parking_lot::MutexGuard;
use tokio::sync::oneshot;

use super::check::settle_down;
use super::cluster::Cluster;
use super::history::History;
use super::host::Host;
use super::link::Link;
use super::planted::Bug;
use super::shelf::Shelf;
use super::sky::Sky;

/// The longest that a process needs to start again.
const RESTART: Duration = Duration::from_secs(3);

/// The world that a scenario acts in.
pub struct World<A> {
    pub(super) sky: Arc<Sky>,
    pub(super) cluster: Cluster<A>,
    pub(super) bug: Option<Bug>,
    app: A,
}

impl<A: Clone + Send + Sync + 'static> World<A> {
    pub(super) fn new(sky: Arc<Sky>, cluster: Cluster<A>, bug: Option<Bug>) -> Self {
        let app = (cluster.connect)((sky.broker.clone(), sky.store.clone()));
        Self { sky, cluster, bug, app }
    }

    /// An app that sees the servers as they are: to look, and to wait.
    #[must_use]
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The store as it is.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.sky.store
    }

    /// The broker as it is.
    #[must_use]
    pub fn broker(&self) -> &dyn Broker {
        &*self.sky.broker
    }

    /// What has happened so far. Not to be held over an await.
    pub fn history(&self) -> MappedMutexGuard<'_, History> {
        MutexGuard::map(self.sky.state(), |state| &mut state.history)
    }

    /// What tasks give to the sink of this name must come to the shelf, which the
    /// app declares under it.
    pub fn put_up(&self, sink: &str, shelf: &Shelf) {
        self.sky.put_up(sink, shelf);
    }

    /// A number below `end` of this seed's.
    #[must_use]
    pub fn below(&self, end: usize) -> usize {
        self.sky.state().dice.below(end)
    }

    /// Notes a line in the trace.
    pub fn note(&self, what: impl fmt::Display) {
        self.sky.note("scenario", |_| what.to_string());
    }

    /// Lets simulated time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets the sky clear up, and waits until nothing is left to do: no message,
    /// no timer, no workflow that runs. What never ends is a violation.
    pub async fn settle(&self) {
        self.sky.clear_up();
        let left = settle_down(&self.sky).await;
        self.sky.state().history.violations.extend(left);
    }

    /// Does something in a client's process, which may die over it or fail: then
    /// another client does it, until it is done. It must be such that it can be
    /// repeated, as with an id that was chosen before.
    pub async fn call<T, E, F>(&self, mut what: impl FnMut(A) -> F) -> T
    where
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        for attempt in 1.. {
            let host = Host::new(format!("client.{attempt}"), self.sky.clone());
            let answer = self.attempt(&host, &mut what).await;
            host.die();
            match answer {
                Some(Ok(value)) => return value,
                Some(Err(error)) => self.note(format!("{}: {error}", host.name)),
                None => {}
            }
            let pause = self.sky.state().some_time(RESTART);
            tokio::time::sleep(pause).await;
        }
        unreachable!("attempts have no end")
    }

    /// What one client's process came to; nothing if it died.
    async fn attempt<T, E, F>(
        &self,
        host: &Arc<Host>,
        what: &mut impl FnMut(A) -> F,
    ) -> Option<Result<T, E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (send_app, app) = oneshot::channel();
        let (send_job, job) = oneshot::channel::<F>();
        let (tell, told) = oneshot::channel();
        let (connect, drivers) = (self.cluster.connect.clone(), drivers(host, None));
        // The app is made in the process, and used there: all of it dies together.
        let life = async move {
            let _ = send_app.send(connect(drivers));
            if let Ok(job) = job.await {
                let _ = tell.send(job.await);
            }
        };
        host.live(life, || {});
        let job = what(app.await.ok()?);
        let _ = send_job.send(job);
        told.await.ok()
    }

    /// Starts a node, which is started again whenever it dies.
    pub(super) fn start_node(&self, number: usize) {
        let (sky, cluster) = (self.sky.clone(), self.cluster.clone());
        let node = Node { sky, cluster, bug: self.bug, number };
        node.start(1, Duration::ZERO);
    }
}

/// A place where one process after the other runs a worker.
struct Node<A> {
    sky: Arc<Sky>,
    cluster: Cluster<A>,
    bug: Option<Bug>,
    number: usize,
}

impl<A: Send + Sync + 'static> Node<A> {
    fn start(self, incarnation: u32, after: Duration) {
        let host = Host::new(format!("node{}.{incarnation}", self.number), self.sky.clone());
        let drivers = drivers(&host, self.bug);
        let (connect, work) = (self.cluster.connect.clone(), self.cluster.work.clone());
        let own = host.clone();
        let life = async move {
            tokio::time::sleep(after).await;
            own.sky.note(&own.name, |_| "starts".to_owned());
            match work(connect(drivers)).await {
                Ok(()) => std::future::pending().await,
                Err(error) => {
                    own.sky.note(&own.name, |_| format!("does not start: {error}"));
                    own.die();
                }
            }
        };
        host.live(life, move || {
            let pause = self.sky.state().some_time(RESTART);
            self.start(incarnation + 1, pause);
        });
    }
}

fn drivers(host: &Arc<Host>, bug: Option<Bug>) -> (Arc<dyn Broker>, Arc<dyn Store>) {
    let link = Arc::new(Link { host: host.clone(), bug });
    (link.clone(), link)
}

impl<A> fmt::Debug for World<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
