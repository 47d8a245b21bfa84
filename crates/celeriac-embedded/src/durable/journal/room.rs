//! Writing where there may be no room left: what needs some is refused, and what
//! frees some is written all the same, with that of the [ballast](super::ballast).

use celeriac_core::{ErrorKind, MessageId};

use super::fault::Fault;
use super::{Journal, Landed, Op, ballast};
use crate::hub::Hub;

impl Journal {
    /// Writes everything, or nothing: `NoSpace` if there is no room for what
    /// needs some.
    pub(crate) fn write(
        &mut self,
        hub: &Hub,
        ops: &mut [Box<dyn Op>],
        landed: &Landed,
    ) -> Result<(), Fault> {
        if !self.may_grow() && grows(ops) {
            return Err(full());
        }
        match self.transact(hub, ops, landed) {
            Err(error) if is_full(&error) && grows(ops) => self.write_inside(hub, ops, landed),
            written => written.map_err(|error| Fault::from(&error)),
        }
    }

    /// Writes what frees room.
    pub(crate) fn free(
        &mut self,
        hub: &Hub,
        ops: &mut [Box<dyn Op>],
        landed: &Landed,
    ) -> Result<(), Fault> {
        let written = self.with_ballast(|journal| journal.transact(hub, ops, landed));
        written.map_err(|error| Fault::from(&error))
    }

    /// Counts a death of each of these, before anything is delivered.
    pub(crate) fn count_deaths(&mut self, hub: &Hub, ids: &[MessageId]) -> rusqlite::Result<()> {
        self.with_ballast(|journal| {
            let transaction = journal.connection.transaction()?;
            super::count_deaths(&transaction, ids)?;
            transaction.commit()
        })?;
        let mut queues = hub.queues.lock();
        for id in ids {
            *queues.deaths.entry(*id).or_default() += 1;
        }
        Ok(())
    }

    /// Writes what needs room on a full disk: where the database has enough
    /// inside, only the log needs some, and gives it back.
    fn write_inside(
        &mut self,
        hub: &Hub,
        ops: &mut [Box<dyn Op>],
        landed: &Landed,
    ) -> Result<(), Fault> {
        let free = self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0));
        let free: i64 = free.map_err(|error| Fault::from(&error))?;
        if free < ballast::PAGES || !self.make_room() {
            return Err(full());
        }
        let written = self.transact(hub, ops, landed);
        self.may_grow();
        written.map_err(|error| Fault::from(&error))
    }

    /// Writes, and again with the ballast's room if there is none else.
    fn with_ballast(
        &mut self,
        mut write: impl FnMut(&mut Self) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        match write(self) {
            Err(error) if is_full(&error) && self.make_room() => write(self),
            written => written,
        }
    }

    /// Whether what needs room may be written: room for what frees it is kept.
    fn may_grow(&mut self) -> bool {
        self.ballast.take_on() || (self.checkpoint().is_ok() && self.ballast.take_on())
    }

    /// Throws the ballast off; whether there may be some room now.
    fn make_room(&mut self) -> bool {
        self.ballast.throw_off() && self.checkpoint().is_ok()
    }
}

fn grows(ops: &[Box<dyn Op>]) -> bool {
    ops.iter().any(|op| op.grows())
}

fn is_full(error: &rusqlite::Error) -> bool {
    Fault::from(error).kind == ErrorKind::NoSpace
}

fn full() -> Fault {
    Fault::new(ErrorKind::NoSpace, "no room is left")
}
