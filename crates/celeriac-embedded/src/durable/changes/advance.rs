//! All that follows from steps that have ended: several changes in one, done
//! only if each outcome is the first of its id.

use celeriac_core::MessageId;
use celeriac_core::store::{Advance, Joined};
use rusqlite::{OptionalExtension, params};

use super::{Change, Complete, Enqueue, JoinMembers, MarkSteps};
use crate::durable::journal::{Tables, to_sql};
use crate::hub::Hub;

/// All that follows from steps that have ended.
pub(crate) struct AdvanceAll {
    /// The ids of the outcomes, in order.
    ids: Vec<MessageId>,
    complete: Complete,
    join: JoinMembers,
    mark_steps: MarkSteps,
    enqueue: Enqueue,
}

impl AdvanceAll {
    /// The messages of `batch` are in `enqueue`.
    pub(crate) fn new(batch: Advance, enqueue: Enqueue) -> Self {
        let Advance { complete, join, mark_steps, publish: _ } = batch;
        let mut ids = Vec::from_iter(complete.iter().map(|completion| completion.id));
        ids.sort_unstable();
        Self {
            ids,
            complete: Complete::new(complete),
            join: JoinMembers(join),
            mark_steps: MarkSteps(mark_steps),
            enqueue,
        }
    }

    fn is_first(&self, tables: &Tables<'_>) -> rusqlite::Result<bool> {
        if self.ids.array_windows().any(|[one, next]| one == next) {
            return Ok(false);
        }
        let now = to_sql(tables.now);
        let mut ended = tables
            .connection
            .prepare_cached("SELECT 1 FROM result WHERE id = ? AND expires_at > ?")?;
        for id in &self.ids {
            if ended.query_row(params![id.as_bytes(), now], |_| Ok(())).optional()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Change for AdvanceAll {
    type Answer = Option<Vec<Joined>>;
    const OPERATION: &'static str = "advance";
    const GROWS: bool = true;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Option<Vec<Joined>>> {
        if !self.is_first(tables)? {
            return Ok(None);
        }
        self.complete.apply(tables)?;
        self.mark_steps.apply(tables)?;
        self.enqueue.apply(tables)?;
        Ok(Some(self.join.apply(tables)?))
    }

    fn committed(self, hub: &Hub, answer: &Option<Vec<Joined>>) {
        let Self { complete, join, mark_steps, enqueue, .. } = self;
        let Some(joined) = answer else { return };
        let all_first = vec![true; complete.len()];
        complete.committed(hub, &all_first);
        join.committed(hub, joined);
        mark_steps.committed(hub, &());
        enqueue.committed(hub, &());
    }
}
