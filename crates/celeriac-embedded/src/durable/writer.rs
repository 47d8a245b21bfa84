//! The writer: an actor with a thread of its own around the journal. What came
//! since the last transaction goes into the next one.
//!
//! When it crashes, the transaction at work is rolled back, those who wait for
//! it learn that it is in doubt, and the next incarnation opens the database
//! again. What has landed, and what waits in the mailbox, is kept.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::ErrorKind;
use celeriac_core::error::Result;
use jumpstarter::{Context, actor};
use parking_lot::Mutex;

use super::journal::fault::Fault;
use super::journal::{Journal, Landed, Op};
use super::running::Running;
use crate::Options;
use crate::hub::Hub;
use crate::live::Wake;

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

/// What every incarnation of the writer writes to, and for whom.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) directory: PathBuf,
    pub(super) options: Options,
    pub(super) hub: Arc<Hub>,
    pub(super) landed: Arc<Mutex<Landed>>,
    pub(super) running: Arc<Running>,
    /// Held until the database is closed.
    pub(super) lock: Arc<File>,
}

/// The one writer of the database.
pub(super) struct Writer {
    desk: Desk,
    /// Open as long as the actor is started.
    journal: Option<Journal>,
    pending: Vec<Box<dyn Op>>,
    /// Whether a flush is on its way.
    armed: bool,
    flush: bool,
    /// Whether the latest transaction failed.
    failed: bool,
}

/// What has landed and is being written; goes back unless it was.
struct Landing<'a> {
    shared: &'a Mutex<Landed>,
    taken: Landed,
}

impl<'a> Landing<'a> {
    fn take(shared: &'a Mutex<Landed>) -> Self {
        Self { taken: std::mem::take(&mut *shared.lock()), shared }
    }

    fn written(mut self) {
        self.taken = Landed::default();
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if !self.taken.is_empty() {
            self.shared.lock().put_back(std::mem::take(&mut self.taken));
        }
    }
}

#[actor]
impl Writer {
    /// A writer that has nothing to write yet. It opens the database unless it
    /// is given one.
    pub(super) fn new(desk: Desk, journal: Option<Journal>) -> Self {
        let (pending, armed, flush, failed) = (Vec::new(), false, false, false);
        Self { desk, journal, pending, armed, flush, failed }
    }

    #[started]
    fn open(&mut self, ctx: &mut Context<Self>) -> Result<()> {
        if self.journal.is_some() {
            return Ok(());
        }
        let Desk { directory, options, hub, .. } = &self.desk;
        self.journal = Some(Journal::reopen(directory, options, hub)?);
        // What was written before the crash may not have been told.
        let mut wake = Wake::default();
        hub.results.lock().tell_all(&mut wake);
        self.arm(LINGER, ctx);
        Ok(())
    }

    #[handler]
    fn write(&mut self, write: Write) {
        self.pending.push(write.0);
    }

    #[handler]
    fn nudge(&mut self, _nudge: Nudge, ctx: &mut Context<Self>) {
        self.arm(LINGER, ctx);
    }

    #[handler]
    fn flush_landed(&mut self, _flush: Flush) {
        self.armed = false;
        self.flush = true;
    }

    fn arm(&mut self, after: Duration, ctx: &Context<Self>) {
        if !self.armed {
            self.armed = true;
            ctx.schedule(after, Flush);
        }
    }

    #[after_batch]
    fn after_batch(&mut self, ctx: &mut Context<Self>) {
        self.commit();
        if self.failed {
            // What has landed is still to be written, whether or not somebody
            // writes something else.
            self.arm(RETRY, ctx);
        }
    }

    fn commit(&mut self) {
        if self.pending.is_empty() && !std::mem::take(&mut self.flush) {
            return;
        }
        let Self { desk, journal: Some(journal), pending, .. } = self else { return };
        let landing = Landing::take(&desk.landed);
        let ops = std::mem::take(pending);
        if ops.is_empty() && landing.taken.is_empty() {
            return;
        }
        let written = commit_all(journal, &desk.hub, ops, &landing.taken);
        self.failed = written.is_err();
        match written {
            Ok(()) => landing.written(),
            Err(fault) => {
                tracing::error!(address = %desk.hub.address, ?fault, "a transaction failed");
            }
        }
    }

    #[stopped]
    fn last_words(&mut self) {
        self.flush = true;
        self.commit();
        let address = &self.desk.hub.address;
        // Nothing that still runs was killed.
        if let Err(error) = self.desk.running.clear() {
            tracing::warn!(%error, %address, "could not note what has ended");
        }
        let Some(journal) = self.journal.take() else { return };
        if let Err(error) = journal.checkpoint() {
            tracing::warn!(%error, %address, "checkpoint failed; the log stays");
        }
        drop(journal);
        if let Err(error) = self.desk.lock.unlock() {
            tracing::warn!(%error, %address, "the directory stays locked until the process ends");
        }
    }
}

/// Writes all in one transaction; gives what went wrong, which those who wait
/// have been told. On a full disk what frees room is written without what
/// needs it.
fn commit_all(
    journal: &mut Journal,
    hub: &Hub,
    mut ops: Vec<Box<dyn Op>>,
    landed: &Landed,
) -> std::result::Result<(), Fault> {
    let mut written = journal.write(hub, &mut ops, landed);
    if let Err(fault) = &written
        && fault.kind == ErrorKind::NoSpace
    {
        let (growing, rest): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| op.grows());
        growing.into_iter().for_each(|op| op.failed(fault));
        ops = rest;
        written = journal.free(hub, &mut ops, landed);
    }
    match &written {
        Ok(()) => ops.into_iter().for_each(|op| op.committed(hub)),
        Err(fault) => ops.into_iter().for_each(|op| op.failed(fault)),
    }
    written
}
