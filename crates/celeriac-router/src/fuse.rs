//! A fuse: a circuit breaker that several parts of a process share, such as the
//! one of a service that tasks call.

use std::fmt;
use std::sync::Arc;

use celeriac_core::Timestamp;
use celeriac_core::health::{Board, Guarded, HealthStatus};
use celeriac_engine::breaker::{Breaker, Change, Loudness, Options, Permit};
use parking_lot::Mutex;

/// A circuit breaker that several parts of a process share. It shows itself on
/// the board, and logs its trips. Cheap to clone; all clones are the same fuse.
#[derive(Clone)]
pub struct Fuse {
    guards: Guarded,
    name: Arc<str>,
    breaker: Arc<Mutex<Breaker>>,
    board: Board,
}

impl Fuse {
    /// A closed one.
    #[must_use]
    pub fn new(guards: Guarded, name: &str, options: Options, board: Board) -> Self {
        let breaker = Arc::new(Mutex::new(Breaker::new(options)));
        let fuse = Self { guards, name: name.into(), breaker, board };
        fuse.show();
        fuse
    }

    /// Whether to try now. Who gets [`Permit::Probe`] must tell what came of it.
    #[must_use]
    pub fn ask(&self, now: Timestamp) -> Permit {
        let permit = self.breaker.lock().ask(now);
        if permit == Permit::Probe {
            self.show();
        }
        permit
    }

    /// Tells that a try succeeded.
    pub fn succeeded(&self, now: Timestamp) {
        let change = self.breaker.lock().succeeded(now);
        self.changed(change, "");
    }

    /// Tells that a try failed.
    pub fn failed(&self, now: Timestamp, why: &str) {
        let change = self.breaker.lock().failed(now);
        self.changed(change, why);
    }

    /// Tells that nobody knows what came of the probe.
    pub fn abandoned(&self, now: Timestamp) {
        self.breaker.lock().abandoned(now);
        self.show();
    }

    /// Tells what a check found.
    pub fn observed(&self, now: Timestamp, status: HealthStatus, why: &str) {
        let change = self.breaker.lock().observed(now, status);
        self.changed(change, why);
    }

    fn changed(&self, change: Option<Change>, why: &str) {
        let (kind, name) = (self.guards, &*self.name);
        match change {
            None => return,
            Some(Change::Recovered) => tracing::info!(%kind, name, "the circuit is closed again"),
            Some(Change::Tripped { until, loudness }) => {
                self.breaker.lock().blame(why);
                match loudness {
                    Loudness::Warning => tracing::warn!(%kind, name, why, %until, "{OPEN}"),
                    Loudness::Error => {
                        tracing::error!(%kind, name, why, %until, "{OPEN}; again and again");
                    }
                }
            }
        }
        self.show();
    }

    fn show(&self) {
        let report = self.breaker.lock().report(self.guards, &*self.name);
        self.board.show_circuit(report);
    }
}

const OPEN: &str = "the circuit is open";

impl fmt::Debug for Fuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fuse").field("name", &self.name).finish_non_exhaustive()
    }
}
