//! What a database holds, brought into the hub when it is opened. Messages stay
//! on disk until somebody pulls; only their packs are counted.

use std::collections::HashMap;

use celeriac_core::{MessageId, Priority, QueueName};
use rusqlite::{Connection, Row};

use super::packs::Packs;
use super::tables::from_sql;
use crate::hub::Hub;
use crate::live::{ColdPack, PACK, bits};

/// Fills the hub; gives the packs that are not settled.
pub(super) fn recover(connection: &Connection, hub: &Hub) -> rusqlite::Result<Packs> {
    let mut queues = hub.queues.lock();
    let packs = recover_packs(connection, |queue, priority, cold| {
        queues.recover(queue, priority, cold);
    })?;
    drop(queues);
    each(connection, "SELECT id, count FROM death", |row| {
        let (id, count) = (id(row)?, row.get(1)?);
        hub.queues.lock().deaths.insert(id, count);
        Ok(())
    })?;
    each(connection, "SELECT id, due, attempt FROM timer", |row| {
        let (id, due, attempt) = (id(row)?, from_sql(row.get(1)?), row.get(2)?);
        hub.timers.lock().recover(id, due, attempt);
        Ok(())
    })?;
    each(connection, "SELECT id, until FROM revocation", |row| {
        hub.revoke(&[id(row)?], from_sql(row.get(1)?));
        Ok(())
    })?;
    Ok(packs)
}

/// The packs that are not settled, and what `each_pack` shall do with them.
pub(super) fn recover_packs(
    connection: &Connection,
    mut each_pack: impl FnMut(&QueueName, Priority, ColdPack),
) -> rusqlite::Result<Packs> {
    let mut packs = Packs::new();
    let mut settled = HashMap::new();
    each(connection, "SELECT seq, bits FROM settled", |row| {
        settled.insert(row.get::<_, i64>(0)?, row.get::<_, i64>(1)? as u64);
        Ok(())
    })?;
    let mut latest = QueueName::DEFAULT;
    let select = "SELECT seq, queue, priority, count, length(messages) FROM pack ORDER BY seq";
    each(connection, select, |row| {
        let seq: i64 = row.get(0)?;
        let name = row.get_ref(1)?.as_str()?;
        if name != latest.as_str() {
            latest = name.into();
        }
        let priority = Priority::new(row.get(2)?).unwrap_or_default();
        let count = usize::from(row.get::<_, u8>(3)?).min(PACK);
        let done = settled.get(&seq).copied();
        packs.recover(seq as u64, count, done);
        let cold = ColdPack {
            pack: seq as u64,
            waiting: bits(count) & !done.unwrap_or_default(),
            bytes: row.get(4)?,
            redelivered: true,
        };
        each_pack(&latest, priority, cold);
        Ok(())
    })?;
    Ok(packs)
}

/// The first column as an id.
pub(crate) fn id(row: &Row<'_>) -> rusqlite::Result<MessageId> {
    Ok(MessageId::from_bytes(row.get(0)?))
}

fn each(
    connection: &Connection,
    select: &str,
    mut work: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        work(row)?;
    }
    Ok(())
}
