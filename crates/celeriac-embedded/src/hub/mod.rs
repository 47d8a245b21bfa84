//! The hub: the live structures under their locks, and the waiting on them.
//! What both drivers do alike is here; what makes them differ is not.

mod consumer;
mod taken;
mod waits;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::Mark;
use celeriac_core::store::Node;
use celeriac_core::{Error, ErrorKind, MessageId, Timestamp};
use parking_lot::Mutex;

use crate::Options;
use crate::live::{Load, Queues, Registry, Results, Revocations, Settled, Timers, Versions, Wake};

pub(crate) use consumer::HubConsumer;
pub(crate) use taken::TakenDue;

/// What a driver with a disk adds to the hub.
pub(crate) trait Backing: fmt::Debug + Send + Sync {
    /// Reads packs from disk and installs them; does not wait for it.
    fn load(&self, load: Load);

    /// Deliveries have landed: what was acknowledged is not stored any longer.
    fn landed(&self, settled: &Settled);
}

/// The live structures, each domain under a lock of its own.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The address that people know it by, such as `memory://`.
    pub(crate) address: String,
    pub(crate) queues: Mutex<Queues>,
    pub(crate) results: Mutex<Results>,
    pub(crate) timers: Mutex<Timers>,
    pub(crate) revocations: Mutex<Revocations>,
    versions: Mutex<Versions>,
    /// Whether anything may be revoked: the lock is not taken before.
    pub(crate) any_revoked: AtomicBool,
    registry: Mutex<Registry>,
    closed: AtomicBool,
}

/// What one caller has seen of the timers.
#[derive(Debug, Default)]
pub(crate) struct SeenTimers(AtomicU64);

/// How much of what is on disk may be in memory as well.
pub(crate) struct Bounds {
    pub(crate) window_bytes: usize,
    pub(crate) results: usize,
    pub(crate) timers: usize,
}

impl Hub {
    pub(crate) fn new(address: String, options: &Options, bounds: &Bounds) -> Self {
        let now = Timestamp::now();
        Self {
            address,
            queues: Mutex::new(Queues::new(options.queue_limit, bounds.window_bytes)),
            results: Mutex::new(Results::new(bounds.results, now)),
            timers: Mutex::new(Timers::new(bounds.timers)),
            revocations: Mutex::new(Revocations::new(now)),
            versions: Mutex::new(Versions::new(now)),
            any_revoked: AtomicBool::new(false),
            registry: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        match self.is_closed() {
            true => Err(self.closed(operation)),
            false => Ok(()),
        }
    }

    pub(crate) fn closed(&self, operation: &'static str) -> Error {
        let context = format!("{} was closed; open it again", self.address);
        Error::new(ErrorKind::Closed, operation, context)
    }

    /// Everybody who waits is told that nothing will come.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut wake = Wake::default();
        self.queues.lock().close(&mut wake);
        self.results.lock().close(&mut wake);
        self.timers.lock().tell_all(&mut wake);
        self.revocations.lock().tell_all(&mut wake);
        self.versions.lock().tell_all(&mut wake);
    }

    /// Notes changes that are not the end.
    pub(crate) fn mark(&self, batch: Vec<Mark>, ttl: Duration) -> Result<()> {
        self.check_open("mark")?;
        let now = Timestamp::now();
        let expires_at = now.after(ttl);
        let added = batch.len();
        let mut wake = Wake::default();
        let mut dropped = Vec::new();
        let mut results = self.results.lock();
        for mark in batch {
            results.mark(mark, expires_at, &mut wake);
        }
        results.sweep(now, added, &mut dropped);
        drop(results);
        Ok(())
    }

    /// Something of these workflows has changed.
    pub(crate) fn workflows_grow(&self, ids: impl IntoIterator<Item = MessageId>) {
        let mut wake = Wake::default();
        let mut versions = self.versions.lock();
        versions.grow(ids, &mut wake);
        drop(versions);
    }

    pub(crate) fn revoke(&self, ids: &[MessageId], until: Timestamp) {
        let mut wake = Wake::default();
        let mut revocations = self.revocations.lock();
        self.any_revoked.store(true, Ordering::Release);
        for id in ids {
            revocations.revoke(*id, until, &mut wake);
        }
        drop(revocations);
    }

    pub(crate) fn revoked(&self, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.check_open("revoked")?;
        if !self.any_revoked.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        let mut revocations = self.revocations.lock();
        let now = Timestamp::now();
        revocations.sweep(now);
        if revocations.is_empty() {
            self.any_revoked.store(false, Ordering::Release);
        }
        Ok(revocations.revoked(ids, now))
    }

    /// When the next timer is due, as `seen` now knows.
    pub(crate) fn next_due(&self, seen: &SeenTimers) -> Result<Option<Timestamp>> {
        self.check_open("next_due")?;
        let timers = self.timers.lock();
        seen.0.store(timers.nearer(), Ordering::Release);
        Ok(timers.next_due())
    }

    pub(crate) fn scheduled(&self) -> Result<u64> {
        self.check_open("scheduled")?;
        Ok(self.timers.lock().len() as u64)
    }

    pub(crate) fn announce(&self, node: Node) -> Result<()> {
        self.check_open("announce")?;
        self.registry.lock().announce(node);
        Ok(())
    }

    pub(crate) fn withdraw(&self, name: &str) -> Result<()> {
        self.check_open("withdraw")?;
        self.registry.lock().withdraw(name);
        Ok(())
    }

    pub(crate) fn nodes(&self, now: Timestamp) -> Result<Vec<Node>> {
        self.check_open("nodes")?;
        Ok(self.registry.lock().nodes(now))
    }
}
