//! The driver in memory: every trait over [`live`](crate::live), each domain
//! under a lock of its own.

mod broker;
mod consumer;
mod results;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind, Timestamp};
use parking_lot::Mutex;

use crate::Options;
use crate::live::{Dedup, Quarantine, Queues, Registry, Results, Revocations, Timers, Wake};

/// Broker and store in the memory of one process: `memory://`.
///
/// Everything is gone when the last handle of it is dropped. A delivery that
/// is not settled comes again when its consumer is dropped.
#[derive(Debug)]
pub struct Memory {
    queues: Arc<Mutex<Queues>>,
    results: Mutex<Results>,
    timers: Mutex<Timers>,
    revocations: Mutex<Revocations>,
    /// Whether anything was ever revoked: the lock is not taken before.
    any_revoked: AtomicBool,
    dedup: Mutex<Dedup>,
    quarantine: Mutex<Quarantine>,
    registry: Mutex<Registry>,
    closed: AtomicBool,
    options: Options,
}

impl Memory {
    /// An empty broker and store.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let now = Timestamp::now();
        Arc::new(Self {
            queues: Arc::new(Mutex::new(Queues::new(options.queue_limit))),
            results: Mutex::new(Results::new(options.result_limit, now)),
            timers: Mutex::default(),
            revocations: Mutex::new(Revocations::new(now)),
            any_revoked: AtomicBool::new(false),
            dedup: Mutex::default(),
            quarantine: Mutex::new(Quarantine::new(options.quarantine_limit)),
            registry: Mutex::default(),
            closed: AtomicBool::new(false),
            options,
        })
    }

    fn check_open(&self, operation: &'static str) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed(operation));
        }
        Ok(())
    }

    /// Everybody who waits is told that nothing will come.
    fn shut(&self) {
        self.closed.store(true, Ordering::Release);
        let mut wake = Wake::default();
        self.queues.lock().close(&mut wake);
        self.results.lock().close(&mut wake);
        self.timers.lock().tell_all(&mut wake);
        self.revocations.lock().tell_all(&mut wake);
    }
}

fn closed(operation: &'static str) -> Error {
    let context = "memory:// was closed; open it again";
    Error::new(ErrorKind::Closed, operation, context)
}
