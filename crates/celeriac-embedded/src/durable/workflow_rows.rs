//! Workflows and joins on disk: their tables, and how they are read.

use celeriac_core::MessageId;
use celeriac_core::store::WorkflowFilter;
use celeriac_core::wire::{DecodeError, decode_end, decode_member, decode_page, decode_workflow};
use celeriac_core::workflow::{Member, Page, Record, Status, StepId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::journal::from_sql;
use crate::live::{MEMBERS_WEIGHT, StepStatus};

/// How many steps' statuses are stored together.
pub(super) const STATUSES: u32 = 256;

/// Added to whatever database is opened, so that one that was made before
/// there were workflows has them too.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS workflow (
    id BLOB PRIMARY KEY, name TEXT NOT NULL, parent BLOB, root INTEGER NOT NULL,
    end INTEGER NOT NULL, epoch INTEGER NOT NULL, status INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, ended_at INTEGER, workflow BLOB NOT NULL,
    ending BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS workflow_parent ON workflow (parent) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS workflow_expires ON workflow (expires_at);
CREATE TABLE IF NOT EXISTS graph_page (
    graph BLOB NOT NULL, first INTEGER NOT NULL, page BLOB NOT NULL,
    PRIMARY KEY (graph, first)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS step_status (
    workflow BLOB NOT NULL, page INTEGER NOT NULL, statuses BLOB NOT NULL,
    PRIMARY KEY (workflow, page)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS join_state (
    workflow BLOB NOT NULL, step INTEGER NOT NULL, done INTEGER NOT NULL,
    weight INTEGER NOT NULL, failed INTEGER, closed_by INTEGER,
    PRIMARY KEY (workflow, step)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    workflow BLOB NOT NULL, step INTEGER NOT NULL, idx INTEGER NOT NULL,
    epoch INTEGER NOT NULL, failed INTEGER NOT NULL, weight INTEGER NOT NULL, member BLOB,
    PRIMARY KEY (workflow, step, idx)) STRICT, WITHOUT ROWID;
";

/// A row that can't be read, as an error of the database.
fn unreadable(error: DecodeError) -> rusqlite::Error {
    let blob = rusqlite::types::Type::Blob;
    rusqlite::Error::FromSqlConversionFailure(0, blob, Box::new(error))
}

/// The first step of a workflow, and where its steps end.
pub(super) fn bounds(
    connection: &Connection,
    id: MessageId,
) -> rusqlite::Result<Option<(u32, u32)>> {
    let mut select = connection.prepare_cached("SELECT root, end FROM workflow WHERE id = ?")?;
    select.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// The statuses of a group of steps.
pub(super) fn read_statuses(
    connection: &Connection,
    id: MessageId,
    group: u32,
) -> rusqlite::Result<Vec<StepStatus>> {
    let select = "SELECT statuses FROM step_status WHERE workflow = ? AND page = ?";
    let mut select = connection.prepare_cached(select)?;
    let bytes = select.query_row(params![id.as_bytes(), group], |row| row.get::<_, Vec<u8>>(0));
    let bytes = bytes.optional()?.unwrap_or_default();
    let stored = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    let mut statuses = Vec::from_iter(stored.map(StepStatus));
    statuses.resize(STATUSES as usize, StepStatus::default());
    Ok(statuses)
}

const RECORD: &str = "SELECT workflow, epoch, ending, ended_at FROM workflow";

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let end = row.get_ref(2)?.as_blob_or_null()?.map(decode_end).transpose();
    Ok(Record {
        workflow: decode_workflow(row.get_ref(0)?.as_blob()?).map_err(unreadable)?,
        epoch: row.get(1)?,
        end: end.map_err(unreadable)?,
        ended_at: row.get::<_, Option<i64>>(3)?.map(from_sql),
    })
}

/// What is known of each.
pub(super) fn records(
    connection: &Connection,
    ids: &[MessageId],
) -> rusqlite::Result<Vec<Option<Record>>> {
    let mut select = connection.prepare_cached(&format!("{RECORD} WHERE id = ?"))?;
    ids.iter().map(|id| select.query_row([id.as_bytes()], record).optional()).collect()
}

/// The page of a graph that each step is on.
pub(super) fn pages(
    connection: &Connection,
    graph: MessageId,
    steps: &[StepId],
) -> rusqlite::Result<Vec<Option<Page>>> {
    let mut select = connection.prepare_cached(
        "SELECT page FROM graph_page WHERE graph = ? AND first <= ? ORDER BY first DESC LIMIT 1",
    )?;
    let page = |step: &StepId| {
        let key = params![graph.as_bytes(), step.0];
        let bytes = select.query_row(key, |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let page = bytes.map(|bytes| decode_page(&bytes)).transpose().map_err(unreadable)?;
        Ok(page.filter(|page| page.node(*step).is_some()))
    };
    steps.iter().map(page).collect()
}

/// The status of steps in order.
pub(super) fn steps(
    connection: &Connection,
    id: MessageId,
    first: StepId,
    max: usize,
) -> rusqlite::Result<Vec<Status>> {
    let Some((root, end)) = bounds(connection, id)? else {
        return Ok(Vec::new());
    };
    let first = first.0.max(root);
    let end = first.saturating_add(u32::try_from(max).unwrap_or(u32::MAX)).min(end);
    let mut statuses = Vec::new();
    let mut known = None;
    for step in first..end {
        let group = step / STATUSES;
        let of_group = match known.take() {
            Some((known, of_group)) if known == group => of_group,
            _ => read_statuses(connection, id, group)?,
        };
        statuses.push(of_group[(step % STATUSES) as usize].status());
        known = Some((group, of_group));
    }
    Ok(statuses)
}

/// Workflows that the filter means, the latest first.
pub(super) fn list(
    connection: &Connection,
    filter: &WorkflowFilter,
    max: usize,
) -> rusqlite::Result<Vec<Record>> {
    // Those of one workflow are found by the index.
    let parts = match (filter.part_of, filter.parts) {
        (Some(_), _) => "parent = ?4",
        (None, true) => "?4 IS NULL",
        (None, false) => "?4 IS NULL AND parent IS NULL",
    };
    let mut select = connection.prepare_cached(&format!(
        "{RECORD} WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR name = ?2)
         AND (?3 IS NULL OR status = ?3) AND {parts} ORDER BY id DESC LIMIT ?5"
    ))?;
    let found = select.query_map(
        params![
            filter.before.map(|id| *id.as_bytes()),
            filter.name.as_ref().map(|name| name.as_str()),
            filter.status.map(|status| status as u8),
            filter.part_of.map(|id| *id.as_bytes()),
            i64::try_from(max).unwrap_or(i64::MAX)
        ],
        record,
    )?;
    found.collect()
}

/// Members that have ended, in order.
pub(super) fn members(
    connection: &Connection,
    id: MessageId,
    join: StepId,
    from: u32,
    max: usize,
) -> rusqlite::Result<Vec<(u32, Member)>> {
    let mut select = connection.prepare_cached(
        "SELECT idx, member FROM member
         WHERE workflow = ? AND step = ? AND idx >= ? AND member IS NOT NULL ORDER BY idx",
    )?;
    let mut rows = select.query(params![id.as_bytes(), join.0, from])?;
    let (mut members, mut weight) = (Vec::new(), 0);
    while members.len() < max
        && let Some(row) = rows.next()?
    {
        let bytes = row.get_ref(1)?.as_blob()?;
        weight += bytes.len() as u64;
        if weight > MEMBERS_WEIGHT && !members.is_empty() {
            break;
        }
        members.push((row.get(0)?, decode_member(bytes).map_err(unreadable)?));
    }
    Ok(members)
}
