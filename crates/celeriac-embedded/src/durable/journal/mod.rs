//! The journal: the one writer of the database. Everything that is pending goes
//! into one transaction. Plain and synchronous; the writer actor is a thin loop
//! around it.

mod ballast;
mod expiry;
pub(crate) mod fault;
mod packs;
mod recover;
mod room;
mod schema;
mod tables;

use std::path::Path;

use celeriac_core::{ErrorKind, Timestamp};
use rusqlite::{Connection, TransactionBehavior};

use crate::Options;
use crate::hub::Hub;
use crate::live::Settled;

use ballast::Ballast;
pub(crate) use expiry::EXPIRY_SHIFT;
pub(crate) use packs::{Group, Packs, split};
pub(crate) use recover::id;
pub(crate) use schema::open_reader;
pub(crate) use tables::{Tables, count_deaths, from_sql, to_sql};

/// Something that waits to be written.
pub(crate) trait Op: Send {
    /// Writes it. May be called again after a rollback.
    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()>;

    /// It is durable now.
    fn committed(self: Box<Self>, hub: &Hub);

    /// It is not.
    fn failed(self: Box<Self>, fault: &fault::Fault);

    /// Whether it needs more room on disk than it frees.
    fn grows(&self) -> bool;
}

/// What has landed since the last transaction: stored messages that were
/// acknowledged, as bits by pack, and the ids whose deaths count no longer.
#[derive(Debug, Default)]
pub(crate) struct Landed {
    pub(crate) bits: Vec<(u64, u64)>,
    pub(crate) ids: Vec<celeriac_core::MessageId>,
}

impl Landed {
    pub(crate) fn is_empty(&self) -> bool {
        self.bits.is_empty() && self.ids.is_empty()
    }

    /// Notes a settled message.
    pub(crate) fn push(&mut self, pack: u64, bit: u64) {
        match self.bits.last_mut() {
            Some((last, bits)) if *last == pack => *bits |= bit,
            _ => self.bits.push((pack, bit)),
        }
    }

    /// Notes what was acknowledged.
    pub(crate) fn extend(&mut self, settled: &Settled) {
        for held in &settled.acked {
            let place = held.ready.place;
            if place.is_stored() {
                self.push(place.pack(), place.bit());
            }
        }
        self.ids.extend(&settled.forgiven);
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&mut self, other: Self) {
        self.bits.extend(other.bits);
        self.ids.extend(other.ids);
    }
}

/// The one writer of the database.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
    packs: Packs,
    expiry: expiry::Expiry,
    ballast: Ballast,
}

impl Journal {
    /// Opens or makes the database in a directory that this process owns, and
    /// fills the hub with what it holds.
    pub(crate) fn open(
        directory: &Path,
        options: &Options,
        hub: &Hub,
    ) -> celeriac_core::error::Result<Self> {
        let connection = with_room(directory, || schema::open_writer(directory, options))?;
        let fault = |error: rusqlite::Error| fault::Fault::from(&error).error("open", &hub.address);
        connection.execute_batch(super::workflow_rows::TABLES).map_err(fault)?;
        let packs = recover::recover(&connection, hub).map_err(fault)?;
        let expiry = expiry::Expiry::open(&connection).map_err(fault)?;
        Ok(Self { connection, packs, expiry, ballast: Ballast::of(directory) })
    }

    /// Opens the database again after its writer crashed: the hub knows what is
    /// in it.
    pub(crate) fn reopen(
        directory: &Path,
        options: &Options,
        hub: &Hub,
    ) -> celeriac_core::error::Result<Self> {
        let connection = with_room(directory, || schema::reopen_writer(directory, options))?;
        let fault = |error: rusqlite::Error| fault::Fault::from(&error).error("open", &hub.address);
        let packs = recover::recover_packs(&connection, |_, _, _| {}).map_err(fault)?;
        let expiry = expiry::Expiry::open(&connection).map_err(fault)?;
        Ok(Self { connection, packs, expiry, ballast: Ballast::of(directory) })
    }

    /// Writes everything in one transaction, or nothing.
    fn transact(
        &mut self,
        hub: &Hub,
        ops: &mut [Box<dyn Op>],
        landed: &Landed,
    ) -> rusqlite::Result<()> {
        let now = Timestamp::now();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tables = Tables::new(&transaction, hub, now, self.packs.next());
        for op in ops {
            op.apply(&mut tables)?;
        }
        let (drafts, added) = tables.finish()?;
        let touched = self.packs.settle(&transaction, &landed.bits)?;
        tables::forget_deaths(&transaction, &landed.ids)?;
        let expired = self.expiry.sweep(&transaction, now, &added)?;
        transaction.commit()?;
        self.packs.committed(&drafts, touched);
        self.expiry = expired;
        Ok(())
    }

    /// Brings everything from the write-ahead log into the database file.
    pub(crate) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

/// Opens the database, which takes a little room, with the ballast's if there
/// is none else.
fn with_room(
    directory: &Path,
    open: impl Fn() -> celeriac_core::error::Result<Connection>,
) -> celeriac_core::error::Result<Connection> {
    match open() {
        Err(error) if error.kind() == ErrorKind::NoSpace && ballast::throw_off(directory) => open(),
        opened => opened,
    }
}
