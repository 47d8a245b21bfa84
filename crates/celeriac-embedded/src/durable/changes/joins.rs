//! Members that come into joins, and go out again. Each costs one row, however
//! many there are; what the join knows of them is read and written once per
//! change.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use celeriac_core::MessageId;
use celeriac_core::store::{Join, Joined, Reopen};
use celeriac_core::wire::encode_member;
use celeriac_core::workflow::StepId;
use rusqlite::{Connection, OptionalExtension, params};

use super::Change;
use super::workflows::is_kept;
use crate::durable::journal::Tables;
use crate::hub::Hub;
use crate::live::JoinState;

/// Members that have ended.
pub(crate) struct JoinMembers(pub(crate) Vec<Join>);

impl Change for JoinMembers {
    type Answer = Vec<Joined>;
    const OPERATION: &'static str = "join";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Vec<Joined>> {
        let mut states = States::new(tables.connection);
        let joined = self.0.iter().map(|join| states.join(join));
        let joined = joined.collect::<rusqlite::Result<_>>()?;
        states.write()?;
        Ok(joined)
    }

    fn committed(self, _hub: &Hub, _joined: &Vec<Joined>) {}
}

/// Members that are waited for again.
pub(crate) struct ReopenMembers(pub(crate) Vec<Reopen>);

impl Change for ReopenMembers {
    type Answer = ();
    const OPERATION: &'static str = "reopen";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut states = States::new(tables.connection);
        for reopen in &self.0 {
            states.reopen(reopen)?;
        }
        states.write()
    }

    fn committed(self, _hub: &Hub, (): &()) {}
}

/// What the joins of one change know of their members.
struct States<'a> {
    connection: &'a Connection,
    kept: HashMap<MessageId, bool>,
    states: HashMap<(MessageId, StepId), JoinState>,
}

impl<'a> States<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self { connection, kept: HashMap::new(), states: HashMap::new() }
    }

    fn is_kept(&mut self, id: MessageId) -> rusqlite::Result<bool> {
        Ok(match self.kept.entry(id) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(is_kept(self.connection, id)?),
        })
    }

    fn state(&mut self, id: MessageId, join: StepId) -> rusqlite::Result<&mut JoinState> {
        Ok(match self.states.entry((id, join)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(read_state(self.connection, id, join)?),
        })
    }

    fn join(&mut self, join: &Join) -> rusqlite::Result<Joined> {
        if !self.is_kept(join.workflow)? {
            return Ok(Joined::default());
        }
        let connection = self.connection;
        // A member that is waited for again has a row without an outcome.
        let mut insert = connection.prepare_cached(
            "INSERT INTO member (workflow, step, idx, epoch, failed, weight, member)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET epoch = ?4, failed = ?5, weight = ?6, member = ?7
             WHERE member IS NULL AND epoch <= ?4",
        )?;
        let is_new = insert.execute(params![
            join.workflow.as_bytes(),
            join.join.0,
            join.index,
            join.epoch,
            join.member.is_error(),
            join.member.weight() as i64,
            encode_member(&join.member)
        ])? > 0;
        let state = self.state(join.workflow, join.join)?;
        if is_new {
            state.add(join);
            return Ok(state.0);
        }
        let joined = state.0;
        let mut open = connection.prepare_cached(
            "SELECT 1 FROM member WHERE workflow = ? AND step = ? AND idx = ? AND member IS NULL",
        )?;
        let key = params![join.workflow.as_bytes(), join.join.0, join.index];
        let is_open = open.query_row(key, |_| Ok(())).optional()?.is_some();
        Ok(if is_open { Joined { closed_by: None, ..joined } } else { joined })
    }

    fn reopen(&mut self, reopen: &Reopen) -> rusqlite::Result<()> {
        if !self.is_kept(reopen.workflow)? {
            return Ok(());
        }
        let (connection, id, step) = (self.connection, reopen.workflow, reopen.join);
        let key = params![id.as_bytes(), step.0, reopen.index];
        let mut former = connection.prepare_cached(
            "SELECT epoch, weight, member IS NOT NULL FROM member
             WHERE workflow = ? AND step = ? AND idx = ?",
        )?;
        let former = former.query_row(key, |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?))
        });
        let former = former.optional()?;
        if former.is_some_and(|(epoch, ..)| epoch >= reopen.epoch) {
            return Ok(());
        }
        let mut replace = connection.prepare_cached(
            "INSERT OR REPLACE INTO member (workflow, step, idx, epoch, failed, weight, member)
             VALUES (?, ?, ?, ?, 0, 0, NULL)",
        )?;
        replace.execute(params![id.as_bytes(), step.0, reopen.index, reopen.epoch])?;
        if let Some((_, weight, true)) = former {
            let mut first = connection.prepare_cached(
                "SELECT MIN(idx) FROM member WHERE workflow = ? AND step = ? AND failed",
            )?;
            let failed = first.query_row(params![id.as_bytes(), step.0], |row| row.get(0))?;
            self.state(id, step)?.remove(weight as u64, failed);
        }
        Ok(())
    }

    fn write(self) -> rusqlite::Result<()> {
        let mut replace = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO join_state (workflow, step, done, weight, failed, closed_by)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        for ((id, step), JoinState(state)) in self.states {
            replace.execute(params![
                id.as_bytes(),
                step.0,
                state.done,
                state.weight as i64,
                state.failed,
                state.closed_by
            ])?;
        }
        Ok(())
    }
}

fn read_state(connection: &Connection, id: MessageId, join: StepId) -> rusqlite::Result<JoinState> {
    let mut select = connection.prepare_cached(
        "SELECT done, weight, failed, closed_by FROM join_state WHERE workflow = ? AND step = ?",
    )?;
    let state = select.query_row(params![id.as_bytes(), join.0], |row| {
        let weight = row.get::<_, i64>(1)? as u64;
        let (done, failed, closed_by) = (row.get(0)?, row.get(2)?, row.get(3)?);
        Ok(JoinState(Joined { done, weight, failed, closed_by }))
    });
    Ok(state.optional()?.unwrap_or_default())
}
