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
    /// The name of the broker's circuit, and of its check.
    pub const BROKER: &str = "broker";
    /// The name of the store's circuit, and of its check.
    pub const STORE: &str = "store";

    /// Closed ones.
    #[must_use]
    pub fn new(options: &Options, board: &Board) -> Self {
        let fuse = |name| Fuse::new(Guarded::Connection, name, options.clone(), board.clone());
        Self { broker: fuse(Self::BROKER), store: fuse(Self::STORE) }
    }
}

/// Waits while a circuit is open; says whether what is tried now is its probe.
pub(crate) async fn permit(fuse: &Fuse) -> bool {
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

/// Waits while the store's circuit is open, and as its probe asks the store for what
/// costs little, before anything is taken.
pub(crate) async fn store_answers(circuit: &Fuse, store: &dyn Store) -> Result<()> {
    if permit(circuit).await {
        told(circuit, store.nodes(Timestamp::now()).await)?;
    }
    Ok(())
}
