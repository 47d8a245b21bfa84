//! Workflows: what is kept of them, how they end, the status of their steps.
//! They live on disk only.

use std::collections::HashMap;

use celeriac_core::MessageId;
use celeriac_core::store::Transition;
use celeriac_core::wire::{encode_end, encode_page, encode_workflow};
use celeriac_core::workflow::{NewWorkflow, Status, StepMark};
use rusqlite::{Connection, OptionalExtension, params};

use super::Change;
use crate::durable::journal::{Tables, id as row_id, to_sql};
use crate::durable::workflow_rows::{STATUSES, bounds, read_statuses};
use crate::hub::Hub;
use crate::live::StepStatus;

/// At most this many expired workflows are forgotten per call.
const SWEEP: usize = 2;

/// Workflows to keep.
pub(crate) struct Create(pub(crate) Vec<NewWorkflow>);

impl Change for Create {
    type Answer = Vec<bool>;
    const OPERATION: &'static str = "create";
    const GROWS: bool = true;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Vec<bool>> {
        let connection = tables.connection;
        let over = "SELECT id FROM workflow WHERE expires_at <= ? AND status > 1 LIMIT ?";
        let mut over = connection.prepare_cached(over)?;
        let rows = over.query_map(params![to_sql(tables.now), SWEEP as i64], row_id)?;
        for id in rows.collect::<rusqlite::Result<Vec<_>>>()? {
            forget(connection, id)?;
        }
        self.0.iter().map(|new| create(connection, new)).collect()
    }

    fn committed(self, hub: &Hub, _new: &Vec<bool>) {
        hub.workflows_grow(self.0.iter().map(|new| new.workflow.id));
    }
}

fn create(connection: &Connection, new: &NewWorkflow) -> rusqlite::Result<bool> {
    let NewWorkflow { workflow, epoch, pages } = new;
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO workflow
         (id, name, parent, root, end, epoch, status, expires_at, workflow)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let inserted = insert.execute(params![
        workflow.id.as_bytes(),
        workflow.name.as_str(),
        workflow.parent.as_ref().map(|parent| *parent.workflow.as_bytes()),
        workflow.root.0,
        workflow.end.0,
        epoch,
        Status::Running as u8,
        to_sql(workflow.expires_at),
        encode_workflow(workflow)
    ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let insert = "INSERT INTO graph_page (graph, first, page) VALUES (?, ?, ?)";
    let mut insert = connection.prepare_cached(insert)?;
    for page in pages {
        insert.execute(params![workflow.id.as_bytes(), page.first.0, encode_page(page)])?;
    }
    Ok(true)
}

/// Forgets a workflow and its parts; whether it was there.
fn forget(connection: &Connection, id: MessageId) -> rusqlite::Result<bool> {
    let mut open = vec![id];
    let mut was_there = false;
    while let Some(id) = open.pop() {
        let mut parts = connection.prepare_cached("SELECT id FROM workflow WHERE parent = ?")?;
        let parts = parts.query_map([id.as_bytes()], row_id)?;
        open.extend(parts.collect::<rusqlite::Result<Vec<_>>>()?);
        let delete = |statement| connection.prepare_cached(statement)?.execute([id.as_bytes()]);
        was_there |= delete("DELETE FROM workflow WHERE id = ?")? > 0;
        delete("DELETE FROM graph_page WHERE graph = ?")?;
        delete("DELETE FROM step_status WHERE workflow = ?")?;
        delete("DELETE FROM join_state WHERE workflow = ?")?;
        delete("DELETE FROM member WHERE workflow = ?")?;
    }
    Ok(was_there)
}

/// Workflows to forget, with their parts.
pub(crate) struct ForgetWorkflows(pub(crate) Vec<MessageId>);

impl Change for ForgetWorkflows {
    type Answer = u64;
    const OPERATION: &'static str = "forget_workflows";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<u64> {
        let mut forgotten = 0;
        for id in &self.0 {
            forgotten += u64::from(forget(tables.connection, *id)?);
        }
        Ok(forgotten)
    }

    fn committed(self, hub: &Hub, _forgotten: &u64) {
        hub.workflows_grow(self.0);
    }
}

/// Ends, and new epochs.
pub(crate) struct Transit(pub(crate) Vec<Transition>);

impl Change for Transit {
    type Answer = Vec<bool>;
    const OPERATION: &'static str = "transition";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Vec<bool>> {
        let mut update = tables.connection.prepare_cached(
            "UPDATE workflow SET epoch = ?2, status = ?3, ending = ?4, ended_at = ?5
             WHERE id = ?1 AND (epoch < ?2 OR epoch = ?2 AND ending IS NULL AND ?4 IS NOT NULL)",
        )?;
        let changed = self.0.iter().map(|transition| {
            let end = transition.end.as_ref();
            let changed = update.execute(params![
                transition.id.as_bytes(),
                transition.epoch,
                end.map_or(Status::Running, celeriac_core::workflow::End::status) as u8,
                end.map(encode_end),
                end.map(|_| to_sql(transition.at))
            ])?;
            Ok(changed > 0)
        });
        changed.collect()
    }

    fn committed(self, hub: &Hub, _changed: &Vec<bool>) {
        hub.workflows_grow(self.0.iter().map(|transition| transition.id));
    }
}

/// What is noted of steps.
pub(crate) struct MarkSteps(pub(crate) Vec<StepMark>);

impl Change for MarkSteps {
    type Answer = ();
    const OPERATION: &'static str = "mark_steps";
    const GROWS: bool = false;

    /// Each group of steps is read once and written once, however many of it
    /// are noted.
    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let connection = tables.connection;
        let mut groups: HashMap<(MessageId, u32), Vec<StepStatus>> = HashMap::new();
        let mut known = HashMap::new();
        for mark in &self.0 {
            let id = mark.workflow;
            let (root, end) = match known.get(&id) {
                Some(bounds) => *bounds,
                None => *known.entry(id).or_insert(bounds(connection, id)?.unwrap_or_default()),
            };
            let first = mark.first.0.max(root);
            let end = mark.first.0.saturating_add(mark.count).min(end);
            for step in first..end {
                let (group, at) = (step / STATUSES, (step % STATUSES) as usize);
                let statuses = match groups.entry((id, group)) {
                    std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        entry.insert(read_statuses(connection, id, group)?)
                    }
                };
                statuses[at] = statuses[at].noted(mark.epoch, mark.status);
            }
        }
        let replace =
            "INSERT OR REPLACE INTO step_status (workflow, page, statuses) VALUES (?, ?, ?)";
        let mut replace = connection.prepare_cached(replace)?;
        for ((id, group), statuses) in groups {
            let bytes = Vec::from_iter(statuses.iter().flat_map(|status| status.0.to_le_bytes()));
            replace.execute(params![id.as_bytes(), group, bytes])?;
        }
        Ok(())
    }

    fn committed(self, hub: &Hub, (): &()) {
        hub.workflows_grow(self.0.iter().map(|mark| mark.workflow));
    }
}

/// Whether a workflow is kept.
pub(super) fn is_kept(connection: &Connection, id: MessageId) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT 1 FROM workflow WHERE id = ?")?;
    Ok(select.query_row([id.as_bytes()], |_| Ok(())).optional()?.is_some())
}
