//! The end of results: ids by the time of their expiry, one row for all that
//! were recorded together, and their removal a few at a time.

use celeriac_core::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// Results that expire in the same 2^13 ms (8 s) go together.
pub(crate) const EXPIRY_SHIFT: u32 = 13;
/// At most this many results are removed per transaction, beside twice as many
/// as it adds.
const SWEEP: usize = 128;

/// What a transaction adds: ids by the bucket of their expiry.
pub(crate) type Added = Vec<(u64, Vec<u8>)>;

/// When the next results expire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiry {
    next: Option<u64>,
}

impl Expiry {
    pub(super) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { next: first_bucket(connection)? })
    }

    /// Removes expired results; gives what is then known.
    pub(super) fn sweep(
        self,
        connection: &Connection,
        now: Timestamp,
        added: &Added,
    ) -> rusqlite::Result<Self> {
        let first = added.iter().map(|(bucket, _)| *bucket).min();
        let mut next = match (self.next, first) {
            (Some(known), Some(first)) => Some(known.min(first)),
            (known, first) => known.or(first),
        };
        let over = now.as_millis() >> EXPIRY_SHIFT;
        let count: usize = added.iter().map(|(_, ids)| ids.len() / 16).sum();
        let mut budget = SWEEP + 2 * count;
        while budget > 0 && next.is_some_and(|bucket| bucket < over) {
            budget -= remove_some(connection, now, over, budget)?;
            next = first_bucket(connection)?;
        }
        Ok(Self { next })
    }
}

fn first_bucket(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut first =
        connection.prepare_cached("SELECT bucket FROM expiry ORDER BY bucket LIMIT 1")?;
    let bucket = first.query_row([], |row| row.get::<_, i64>(0)).optional()?;
    Ok(bucket.map(|bucket| bucket as u64))
}

/// Removes at most `budget` results of the first row; gives what it cost.
fn remove_some(
    connection: &Connection,
    now: Timestamp,
    over: u64,
    budget: usize,
) -> rusqlite::Result<usize> {
    let mut select = connection.prepare_cached(
        "SELECT bucket, seq, ids FROM expiry WHERE bucket < ? ORDER BY bucket, seq LIMIT 1",
    )?;
    let row = select
        .query_row([over as i64], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((bucket, seq, ids)) = row else {
        return Ok(budget);
    };
    let (now_ids, later_ids) = ids.split_at(ids.len().min(budget * 16));
    let mut remove =
        connection.prepare_cached("DELETE FROM result WHERE id = ? AND expires_at <= ?")?;
    for id in now_ids.as_chunks::<16>().0 {
        remove.execute(params![id, now.as_millis() as i64])?;
    }
    if later_ids.is_empty() {
        connection
            .prepare_cached("DELETE FROM expiry WHERE bucket = ? AND seq = ?")?
            .execute([bucket, seq])?;
    } else {
        connection
            .prepare_cached("UPDATE expiry SET ids = ?3 WHERE bucket = ?1 AND seq = ?2")?
            .execute(params![bucket, seq, later_ids])?;
    }
    Ok((now_ids.len() / 16).max(1))
}
