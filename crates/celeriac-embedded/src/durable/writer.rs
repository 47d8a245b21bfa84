//! The writer: an actor with a thread of its own around the journal. What came
//! since the last transaction goes into the next one.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::ErrorKind;
use jumpstarter::{Context, actor};
use parking_lot::Mutex;

use super::journal::fault::Fault;
use super::journal::{Journal, Landed, Op};
use super::running::Running;
use crate::hub::Hub;

/// How long an acknowledgement waits at most for something to be written with.
const LINGER: Duration = Duration::from_millis(5);

/// How long it waits before it tries a failed transaction again.
const RETRY: Duration = Duration::from_millis(100);

/// Something to be written with the next transaction.
pub(super) struct Write(pub(super) Box<dyn Op>);

/// Something has landed, and may be written soon.
pub(super) struct Nudge;

/// Writes what has landed.
pub(super) struct Flush;

/// The one writer of the database.
pub(super) struct Writer {
    journal: Journal,
    hub: Arc<Hub>,
    landed: Arc<Mutex<Landed>>,
    pending: Vec<Box<dyn Op>>,
    /// Whether a flush is on its way.
    armed: bool,
    flush: bool,
    /// Whether the latest transaction failed.
    failed: bool,
    running: Arc<Running>,
    /// Held until the database is closed.
    _lock: File,
}

#[actor]
impl Writer {
    /// A writer that has nothing to write yet.
    pub(super) fn new(
        journal: Journal,
        hub: Arc<Hub>,
        landed: Arc<Mutex<Landed>>,
        running: Arc<Running>,
        lock: File,
    ) -> Self {
        Self {
            journal,
            hub,
            landed,
            pending: Vec::new(),
            armed: false,
            flush: false,
            failed: false,
            running,
            _lock: lock,
        }
    }

    #[handler]
    fn write(&mut self, write: Write) {
        self.pending.push(write.0);
    }

    #[handler]
    fn nudge(&mut self, _nudge: Nudge, ctx: &mut Context<Self>) {
        if !self.armed {
            self.armed = true;
            ctx.schedule(LINGER, Flush);
        }
    }

    #[handler]
    fn flush_landed(&mut self, _flush: Flush) {
        self.armed = false;
        self.flush = true;
    }

    #[after_batch]
    fn after_batch(&mut self, ctx: &mut Context<Self>) {
        self.commit();
        if self.failed && !self.armed {
            // What has landed is still to be written, whether or not somebody
            // writes something else.
            self.armed = true;
            ctx.schedule(RETRY, Flush);
        }
    }

    fn commit(&mut self) {
        if self.pending.is_empty() && !std::mem::take(&mut self.flush) {
            return;
        }
        let landed = std::mem::take(&mut *self.landed.lock());
        let ops = std::mem::take(&mut self.pending);
        if ops.is_empty() && landed.is_empty() {
            return;
        }
        self.failed = false;
        self.commit_all(ops, landed);
    }

    #[stopped]
    fn last_words(&mut self) {
        self.flush = true;
        self.commit();
        // Nothing that still runs was killed.
        if let Err(error) = self.running.clear() {
            tracing::warn!(%error, address = %self.hub.address, "could not note what has ended");
        }
        if let Err(error) = self.journal.checkpoint() {
            tracing::warn!(%error, address = %self.hub.address, "checkpoint failed; the log stays");
        }
    }

    fn commit_all(&mut self, mut ops: Vec<Box<dyn Op>>, landed: Landed) {
        let Err(error) = self.journal.transact(&self.hub, &mut ops, &landed) else {
            for op in ops {
                op.committed(&self.hub);
            }
            return;
        };
        let fault = Fault::from(&error);
        let (growing, rest): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| op.grows());
        if growing.is_empty() || fault.kind != ErrorKind::NoSpace {
            self.fail(growing, rest, landed, &fault);
            return;
        }
        // What frees room must not fail because of what needs it.
        let mut rest = rest;
        match self.journal.transact(&self.hub, &mut rest, &landed) {
            Ok(()) => {
                rest.into_iter().for_each(|op| op.committed(&self.hub));
                growing.into_iter().for_each(|op| op.failed(&fault));
            }
            Err(error) => self.fail(growing, rest, landed, &Fault::from(&error)),
        }
    }

    fn fail(
        &mut self,
        growing: Vec<Box<dyn Op>>,
        rest: Vec<Box<dyn Op>>,
        landed: Landed,
        fault: &Fault,
    ) {
        tracing::error!(address = %self.hub.address, ?fault, "a transaction failed");
        self.landed.lock().put_back(landed);
        self.failed = true;
        for op in growing.into_iter().chain(rest) {
            op.failed(fault);
        }
    }
}
