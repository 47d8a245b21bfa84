//! The circuits of broker and store: while one is open, nothing is taken in.
//! What came could not be ended, and would go back and forth.

use celeriac_core::error::Result;
use celeriac_core::health::{Board, Guarded};
use celeriac_core::{ErrorKind, Store, Timestamp};
use celeriac_engine::breaker::{Options, Permit};

use crate::fuse::Fuse;

/// The circuits of a worker's connections. Cheap to clone; all clones are the same
/// circuits.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Of the broker that messages are taken from.
    pub broker: Fuse,
    /// Of the store that outcomes are written to.
    pub store: Fuse,
}

impl Connections {
    /// Closed ones, called `broker` and `store`.
    #[must_use]
    pub fn new(options: &Options, board: &Board) -> Self {
        let fuse = |name| Fuse::new(Guarded::Connection, name, options.clone(), board.clone());
        Self { broker: fuse("broker"), store: fuse("store") }
    }
}

/// Waits while a circuit is open; says whether what is tried then is its probe.
async fn permit(fuse: &Fuse) -> bool {
    let mut now = Timestamp::now();
    loop {
        match fuse.ask(now) {
            Permit::Pass => return false,
            Permit::Probe => return true,
            Permit::Refuse { until } => {
                tokio::time::sleep(until.since(now)).await;
                now = until.max(Timestamp::now());
            }
        }
    }
}

/// Tells a circuit what came of a try, and gives that back.
pub(crate) fn told<T>(fuse: &Fuse, tried: Result<T>) -> Result<T> {
    match &tried {
        Ok(_) => fuse.succeeded(Timestamp::now()),
        // Nobody tries any more.
        Err(error) if error.kind() == ErrorKind::Closed => {}
        Err(error) => fuse.failed(Timestamp::now(), &format!("failed to {error}")),
    }
    tried
}

/// Which of the next tries are probes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes {
    pub(crate) broker: bool,
    pub(crate) store: bool,
}

impl Connections {
    /// Waits while the store's circuit is open, and while the broker's is, if that
    /// is to be connected with.
    pub(crate) async fn permit(&self, connects: bool) -> Probes {
        let store = permit(&self.store).await;
        let broker = connects && permit(&self.broker).await;
        Probes { broker, store }
    }

    /// As its circuit's probe, asks the store for what costs little.
    pub(crate) async fn probe_store(&self, store: &dyn Store) -> Result<()> {
        told(&self.store, store.nodes(Timestamp::now()).await).map(drop)
    }

    /// Tells what came of connecting with the broker. That this succeeds says little,
    /// unless it was the probe: pulls may fail all the same.
    pub(crate) fn connected<T>(&self, opened: Result<T>, is_probe: bool) -> Result<T> {
        match opened {
            Ok(opened) if !is_probe => Ok(opened),
            tried => told(&self.broker, tried),
        }
    }
}
