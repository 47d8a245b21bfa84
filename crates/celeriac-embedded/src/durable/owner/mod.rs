//! The owner: the one process that has a directory's database open. Every
//! trait over the hub, the writer and the reader.

mod broker;
mod results;
mod store;
#[cfg(test)]
mod tests;
mod workflows;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use jumpstarter::{Address, Handler, System};
use parking_lot::Mutex;

use super::changes::{Change, Nothing, Pending};
use super::journal::fault::{self, Fault};
use super::journal::{Journal, Landed, open_reader};
use super::reader::{ReadPacks, Reader};
use super::running::Running;
use super::writer::{Desk, Nudge, Write, Writer};
use crate::Options;
use crate::hub::{Backing, Bounds, Hub};
use crate::live::{Load, Settled};

/// The name of the lock in its directory.
const LOCK: &str = "owner.lock";
/// How many outcomes are kept in memory as well.
const RECENT_RESULTS: usize = 65_536;
/// How many timers are kept in memory as well.
const RECENT_TIMERS: usize = 65_536;
/// How many changes wait for the writer; senders wait for room.
const WRITES: usize = 256;
/// How many changes go into one transaction.
const TRANSACTION: usize = 64;
/// How many acknowledgements may wait to be written, by packs.
const LANDED: usize = 1 << 16;

/// The one process that has a directory's database open.
#[derive(Debug)]
pub(crate) struct Owner {
    hub: Arc<Hub>,
    disk: Arc<Disk>,
    options: Options,
}

/// What is on disk, and the actors that see to it.
#[derive(Debug)]
struct Disk {
    hub: Arc<Hub>,
    writer: Address<Writer>,
    reader: Address<Reader>,
    landed: Arc<Mutex<Landed>>,
    running: Arc<Running>,
}

/// What opening a directory gives, before its actors live.
struct Opened {
    directory: PathBuf,
    hub: Arc<Hub>,
    journal: Journal,
    reader: rusqlite::Connection,
    running: Running,
    lock: File,
}

impl Owner {
    /// Opens a directory; `None` if another process owns it.
    pub(crate) async fn open(
        directory: &Path,
        options: &Options,
        system: &System,
    ) -> Result<Option<Self>> {
        let (path, wanted) = (directory.to_owned(), options.clone());
        let opened = system.blocking(move || open(&path, &wanted)).await;
        let opened = opened.map_err(|error| {
            let context = format!("{}: the system is going down", directory.display());
            Error::new(ErrorKind::Closed, "open", context).caused_by(error)
        })?;
        let opened = opened?;
        Ok(opened.map(|opened| Self::start(opened, options, system)))
    }

    fn start(opened: Opened, options: &Options, system: &System) -> Self {
        let Opened { directory, hub, journal, reader, running, lock } = opened;
        let landed = Arc::new(Mutex::new(Landed::default()));
        let running = Arc::new(running);
        let desk = Desk {
            directory: directory.clone(),
            options: options.clone(),
            hub: hub.clone(),
            landed: landed.clone(),
            running: running.clone(),
            lock: Arc::new(lock),
        };
        let thread = || crate::durable::tireless().dedicated_thread();
        let mut journal = Some(journal);
        let writing = thread().mailbox(WRITES).batch(TRANSACTION);
        let write = move || Writer::new(desk.clone(), journal.take());
        let writer = system.spawn("embedded-writer", writing, write);
        let (mut connection, readers_hub) = (Some(reader), hub.clone());
        // One load per lane at most, and one question per caller.
        let reading = thread().unbounded();
        let read = move || Reader::new(directory.clone(), readers_hub.clone(), connection.take());
        let reader = system.spawn("embedded-reader", reading, read);
        let disk = Disk { hub: hub.clone(), writer, reader, landed, running };
        Self { hub, disk: Arc::new(disk), options: options.clone() }
    }

    /// Writes a change; it is durable when this resolves.
    async fn write<C: Change>(&self, change: C) -> Result<C::Answer> {
        self.hub.check_open(C::OPERATION)?;
        self.disk.write(change).await
    }

    /// Asks the reader.
    async fn read<M, T>(&self, operation: &'static str, question: M) -> Result<T>
    where
        Reader: Handler<M, Reply = std::result::Result<T, Fault>>,
    {
        match self.disk.reader.ask(question).await {
            Ok(read) => read.map_err(|fault| fault.error(operation, &self.hub.address)),
            Err(_) => Err(self.disk.gone(operation, self.disk.reader.is_closed())),
        }
    }

    /// Accepts nothing more; everybody who waits is told.
    pub(crate) fn shut(&self) {
        self.hub.close();
    }

    /// Finishes what was accepted, then gives the directory up.
    pub(crate) async fn close(&self) {
        self.hub.close();
        // What has been accepted is in the writer's mailbox; it is worked off.
        let _exit = self.disk.writer.stop().await;
        let _exit = self.disk.reader.stop().await;
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.hub.close();
        drop(self.disk.writer.stop());
        drop(self.disk.reader.stop());
    }
}

impl Disk {
    async fn write<C: Change>(&self, change: C) -> Result<C::Answer> {
        let (pending, answer) = Pending::new(change, &self.hub.address);
        let told = self.writer.tell(Write(Box::new(pending))).await;
        if told.is_err() {
            return Err(self.gone(C::OPERATION, true));
        }
        let gone = |_| Err(self.gone(C::OPERATION, self.writer.is_closed()));
        answer.await.unwrap_or_else(gone)
    }

    /// The actor that should have answered has ended for good, or crashed.
    fn gone(&self, operation: &'static str, ended: bool) -> Error {
        if self.hub.is_closed() {
            return self.hub.closed(operation);
        }
        let address = &self.hub.address;
        if ended {
            let context = format!("{address}: its actors have ended; open it again");
            return Error::new(ErrorKind::Internal, operation, context);
        }
        let context = format!(
            "{address}: it crashed meanwhile and starts again; this was done or not: try again"
        );
        Error::new(ErrorKind::Unreachable, operation, context)
    }

    /// Waits if too many acknowledgements are not written yet.
    async fn catch_up(&self) -> Result<()> {
        let waiting = self.landed.lock().bits.len();
        match waiting {
            0..LANDED => Ok(()),
            _ => self.write(Nothing).await,
        }
    }
}

impl Backing for Disk {
    fn load(&self, load: Load) {
        // A reader that has ended was closed, and nobody pulls any more.
        drop(self.reader.try_tell(ReadPacks(load)));
    }

    fn landed(&self, settled: &Settled) {
        if !settled.begun.is_empty()
            && let Err(error) = self.running.end(&settled.begun)
        {
            tracing::warn!(%error, address = %self.hub.address, "could not note what has ended");
        }
        let nudge = {
            let mut landed = self.landed.lock();
            let was_empty = landed.is_empty();
            landed.extend(settled);
            was_empty && !landed.is_empty()
        };
        if nudge {
            // A full mailbox means that something is about to be written anyway.
            drop(self.writer.try_tell(Nudge));
        }
    }
}

fn open(directory: &Path, options: &Options) -> Result<Option<Opened>> {
    let io = |error| fault::file("open", directory, error);
    std::fs::create_dir_all(directory).map_err(io)?;
    let mut lock = File::options();
    let lock = lock.create(true).truncate(false).write(true);
    let lock = lock.open(directory.join(LOCK)).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let bounds = Bounds {
        window_bytes: options.window_bytes,
        results: RECENT_RESULTS,
        timers: RECENT_TIMERS,
    };
    let address = format!("file://{}", directory.display());
    let hub = Arc::new(Hub::new(address, options, &bounds));
    let mut journal = Journal::open(directory, options, &hub)?;
    let begun = Running::read(directory).map_err(io)?;
    if !begun.is_empty() {
        let counted = journal.count_deaths(&hub, &begun);
        counted.map_err(|error| Fault::from(&error).error("open", &hub.address))?;
    }
    let running = Running::create(directory).map_err(io)?;
    let reader = open_reader(directory)?;
    sync_directories(directory).map_err(io)?;
    let directory = directory.to_owned();
    Ok(Some(Opened { directory, hub, journal, reader, running, lock }))
}

/// Makes the names of the files, and of the directory, as durable as they are.
fn sync_directories(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()?;
    match directory.canonicalize()?.parent() {
        // Another's directory may be closed to us, and then was not made by us.
        Some(parent) => File::open(parent).map_or(Ok(()), |parent| parent.sync_all()),
        None => Ok(()),
    }
}
