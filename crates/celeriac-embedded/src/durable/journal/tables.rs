//! The tables inside a transaction, as the changes of each domain see them.

use celeriac_core::{MessageId, Timestamp};
use rusqlite::{Connection, params};

use super::expiry::Added;
use super::packs::{Drafts, Group};
use crate::hub::Hub;

/// The tables inside a transaction.
#[derive(Debug)]
pub(crate) struct Tables<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) hub: &'a Hub,
    pub(crate) now: Timestamp,
    drafts: Drafts,
    added: Added,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        hub: &'a Hub,
        now: Timestamp,
        next_pack: u64,
    ) -> Self {
        Self { connection, hub, now, drafts: Drafts::new(next_pack), added: Vec::new() }
    }

    /// Puts a group of messages into a pack.
    pub(crate) fn place(&mut self, group: &mut Group) {
        group.placed = self.drafts.place(group);
    }

    /// A result will expire in that bucket.
    pub(crate) fn expires(&mut self, bucket: u64, id: MessageId) {
        match self.added.iter_mut().find(|(other, _)| *other == bucket) {
            Some((_, ids)) => ids.extend_from_slice(id.as_bytes()),
            None => self.added.push((bucket, id.as_bytes().to_vec())),
        }
    }

    pub(super) fn finish(self) -> rusqlite::Result<(Drafts, Added)> {
        self.drafts.store(self.connection)?;
        if !self.added.is_empty() {
            // Versions are unique, and so can tell rows of a bucket apart.
            let seq = self.hub.results.lock().versions(1);
            let mut insert = self
                .connection
                .prepare_cached("INSERT INTO expiry (bucket, seq, ids) VALUES (?, ?, ?)")?;
            for (bucket, ids) in &self.added {
                insert.execute(params![*bucket as i64, seq as i64, ids])?;
            }
        }
        Ok((self.drafts, self.added))
    }
}

/// Counts a death of each of these.
pub(crate) fn count_deaths(connection: &Connection, ids: &[MessageId]) -> rusqlite::Result<()> {
    let mut count = connection.prepare_cached(
        "INSERT INTO death (id, count) VALUES (?, 1)
         ON CONFLICT (id) DO UPDATE SET count = count + 1",
    )?;
    for id in ids {
        count.execute([id.as_bytes()])?;
    }
    Ok(())
}

/// The deaths of these count no longer.
pub(super) fn forget_deaths(connection: &Connection, ids: &[MessageId]) -> rusqlite::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut forget = connection.prepare_cached("DELETE FROM death WHERE id = ?")?;
    for id in ids {
        forget.execute([id.as_bytes()])?;
    }
    Ok(())
}

/// A time as SQLite keeps it.
pub(crate) fn to_sql(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A time as SQLite kept it.
pub(crate) fn from_sql(millis: i64) -> Timestamp {
    match millis {
        i64::MAX => Timestamp::NEVER,
        millis => Timestamp::from_millis(millis as u64),
    }
}
