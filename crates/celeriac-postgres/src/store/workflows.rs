//! [`Workflows`]: records and pages of graphs; statuses of steps are in
//! `steps`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use celeriac_core::error::Result;
use celeriac_core::store::{Transition, Watch, WorkflowFilter, Workflows};
use celeriac_core::wire::{
    decode_end, decode_page, decode_workflow, encode_end, encode_page, encode_workflow,
};
use celeriac_core::workflow::{End, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, MessageId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::lane::in_time;
use crate::signals::{Signal, hash};
use crate::{Postgres, column};

/// How many expired workflows are forgotten at once.
const MAX_FORGOTTEN: i64 = 100;

const CREATE: &str = "WITH new AS (
         INSERT INTO workflow
             (id, name, parent, root, step_end, epoch, status, expires_at, body)
         SELECT id, name, parent, root, step_end, epoch, $9, expires_at, body
             FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::bigint[],
                 $6::bigint[], $7::bigint[], $8::bytea[])
             AS one (id, name, parent, root, step_end, epoch, expires_at, body)
         ON CONFLICT (id) DO NOTHING RETURNING id
     ), paged AS (
         INSERT INTO graph_page (graph, first, body)
         SELECT graph, first, page.body
             FROM unnest($10::uuid[], $11::bigint[], $12::bytea[]) AS page (graph, first, body)
             JOIN new ON new.id = page.graph
     ) SELECT id FROM new";

const TRANSITION: &str = "UPDATE workflow AS known SET
         version = nextval('version'), epoch = next.epoch, status = next.status,
         ended_at = next.ended_at, ending = next.ending
     FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bytea[])
         AS next (id, epoch, status, ended_at, ending)
     WHERE known.id = next.id AND (next.epoch > known.epoch OR next.epoch = known.epoch
         AND known.ending IS NULL AND next.ending IS NOT NULL)
     RETURNING known.id";

const PAGES: &str = "SELECT page.first, page.body FROM unnest($2::bigint[]) AS asked (step)
     CROSS JOIN LATERAL (
         SELECT first, body FROM graph_page WHERE graph = $1 AND first <= asked.step
         ORDER BY first DESC LIMIT 1
     ) AS page";

const RECORDS: &str = "SELECT id, body, epoch, ending, ended_at FROM workflow WHERE id = ANY ($1)";

const LIST: &str = "SELECT id, body, epoch, ending, ended_at FROM workflow
     WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR name = $2)
         AND ($3::smallint IS NULL OR status = $3)
         AND CASE WHEN $5::uuid IS NULL THEN $4 OR parent IS NULL ELSE parent = $5 END
     ORDER BY id DESC LIMIT $6";

const FORGET: &str = "WITH RECURSIVE part AS (
         SELECT id FROM workflow WHERE id = ANY ($1)
         UNION SELECT workflow.id FROM workflow JOIN part ON workflow.parent = part.id
     ), pages AS (
         DELETE FROM graph_page WHERE graph IN (SELECT id FROM part)
     ), statuses AS (
         DELETE FROM step_status WHERE workflow IN (SELECT id FROM part)
     ), states AS (
         DELETE FROM join_state WHERE workflow IN (SELECT id FROM part)
     ), members AS (
         DELETE FROM member WHERE workflow IN (SELECT id FROM part)
     ), gone AS (
         DELETE FROM workflow WHERE id IN (SELECT id FROM part) RETURNING id
     ) SELECT count(*) FROM gone WHERE id = ANY ($1)";

/// A row of a record.
type RecordRow = (Uuid, Vec<u8>, i64, Option<Vec<u8>>, Option<i64>);

/// Forgets workflows that have ended and whose time is over.
pub(crate) async fn forget_expired_workflows(
    connection: &mut PgConnection,
    now: i64,
) -> sqlx::Result<()> {
    let over = "SELECT id FROM workflow WHERE expires_at <= $1 AND ending IS NOT NULL LIMIT $2";
    let over = sqlx::query_scalar::<_, Uuid>(over).bind(now).bind(MAX_FORGOTTEN);
    let over = over.fetch_all(&mut *connection).await?;
    if !over.is_empty() {
        sqlx::query(FORGET).bind(over).execute(connection).await?;
    }
    Ok(())
}

/// A step's number as a column.
pub(super) fn number(step: StepId) -> i64 {
    i64::from(step.0)
}

/// A number that was stored as one.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Postgres {
    async fn create_all(&self, batch: Vec<NewWorkflow>) -> Result<Vec<bool>> {
        self.client.check_open("create")?;
        let mut seen = HashSet::new();
        let mut rows = Vec::from_iter(batch.iter().filter(|new| seen.insert(new.workflow.id)));
        rows.sort_by_key(|new| new.workflow.id);
        let workflows = || rows.iter().map(|new| &new.workflow);
        let parent = |new: &&NewWorkflow| {
            new.workflow.parent.as_ref().map(|parent| column::uuid(parent.workflow))
        };
        let pages =
            || rows.iter().flat_map(|new| new.pages.iter().map(|page| (&new.workflow, page)));
        let create = sqlx::query_scalar::<_, Uuid>(CREATE)
            .bind(Vec::from_iter(workflows().map(|workflow| column::uuid(workflow.id))))
            .bind(Vec::from_iter(workflows().map(|workflow| workflow.name.as_str())))
            .bind(Vec::from_iter(rows.iter().map(parent)))
            .bind(Vec::from_iter(workflows().map(|workflow| number(workflow.root))))
            .bind(Vec::from_iter(workflows().map(|workflow| number(workflow.end))))
            .bind(Vec::from_iter(rows.iter().map(|new| i64::from(new.epoch))))
            .bind(Vec::from_iter(workflows().map(|workflow| column::millis(workflow.expires_at))))
            .bind(Vec::from_iter(workflows().map(encode_workflow)))
            .bind(Status::Running as i16)
            .bind(Vec::from_iter(pages().map(|(workflow, _)| column::uuid(workflow.id))))
            .bind(Vec::from_iter(pages().map(|(_, page)| number(page.first))))
            .bind(Vec::from_iter(pages().map(|(_, page)| encode_page(page))));
        let new = create.fetch_all(&self.client.strict).await;
        let new = new.map_err(|error| self.client.failed("create", error))?;
        let mut new = HashSet::<MessageId>::from_iter(new.into_iter().map(column::id));
        self.tell_workflows(new.iter().copied());
        Ok(batch.iter().map(|one| new.remove(&one.workflow.id)).collect())
    }

    fn record_of(&self, operation: &'static str, row: RecordRow) -> Result<Record> {
        let (_, body, epoch, ending, ended_at) = row;
        let end = ending.map(|ending| decode_end(&ending)).transpose();
        Ok(Record {
            workflow: self.read(operation, decode_workflow(&body))?,
            epoch: small(epoch),
            end: self.read(operation, end)?,
            ended_at: ended_at.map(column::time),
        })
    }

    async fn records(&self, ids: &[MessageId]) -> Result<Vec<Option<Record>>> {
        self.client.check_open("workflows")?;
        let rows = sqlx::query_as::<_, RecordRow>(RECORDS).bind(column::uuids(ids));
        let rows = rows.fetch_all(&self.client.strict).await;
        let rows = rows.map_err(|error| self.client.failed("workflows", error))?;
        let mut records = HashMap::with_capacity(rows.len());
        for row in rows {
            records.insert(column::id(row.0), self.record_of("workflows", row)?);
        }
        Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
    }

    async fn pages_of(&self, graph: MessageId, steps: &[StepId]) -> Result<Vec<Option<Page>>> {
        self.client.check_open("pages")?;
        let asked = Vec::from_iter(steps.iter().copied().map(number));
        let rows = sqlx::query_as::<_, (i64, Vec<u8>)>(PAGES).bind(column::uuid(graph)).bind(asked);
        let rows = rows.fetch_all(&self.client.strict).await;
        let rows = rows.map_err(|error| self.client.failed("pages", error))?;
        let mut pages = BTreeMap::new();
        for (first, body) in rows {
            if let std::collections::btree_map::Entry::Vacant(vacant) = pages.entry(small(first)) {
                vacant.insert(self.read("pages", decode_page(&body))?);
            }
        }
        let page = |step: &StepId| {
            let (_, page) = pages.range(..=step.0).next_back()?;
            page.node(*step).map(|_| page.clone())
        };
        Ok(steps.iter().map(page).collect())
    }

    /// One transition of each workflow.
    async fn transition_each(&self, batch: &[&Transition]) -> sqlx::Result<HashSet<MessageId>> {
        let status = |transition: &&Transition| {
            transition.end.as_ref().map_or(Status::Running, End::status) as i16
        };
        let ended_at = |transition: &&Transition| {
            transition.end.as_ref().map(|_| column::millis(transition.at))
        };
        let ending = |transition: &&Transition| transition.end.as_ref().map(encode_end);
        let transit = sqlx::query_scalar::<_, Uuid>(TRANSITION)
            .bind(Vec::from_iter(batch.iter().map(|transition| column::uuid(transition.id))))
            .bind(Vec::from_iter(batch.iter().map(|transition| i64::from(transition.epoch))))
            .bind(Vec::from_iter(batch.iter().map(status)))
            .bind(Vec::from_iter(batch.iter().map(ended_at)))
            .bind(Vec::from_iter(batch.iter().map(ending)));
        let changed = transit.fetch_all(&self.client.strict).await?;
        Ok(changed.into_iter().map(column::id).collect())
    }

    /// In rounds, of which each has a workflow once: their order counts.
    async fn transition_all(&self, batch: Vec<Transition>) -> Result<Vec<bool>> {
        self.client.check_open("transition")?;
        let mut changed = vec![false; batch.len()];
        let mut left = Vec::from_iter(batch.iter().enumerate());
        while !left.is_empty() {
            let mut seen = HashSet::new();
            let (mut round, later): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, transition)| seen.insert(transition.id));
            round.sort_by_key(|(_, transition)| transition.id);
            let each = Vec::from_iter(round.iter().map(|(_, transition)| *transition));
            let of_round = self.transition_each(&each).await;
            let of_round = of_round.map_err(|error| self.client.failed("transition", error))?;
            self.tell_workflows(of_round.iter().copied());
            for (position, transition) in round {
                changed[position] = of_round.contains(&transition.id);
            }
            left = later;
        }
        Ok(changed)
    }

    /// Wakes those who watch these workflows.
    pub(super) fn tell_workflows(&self, ids: impl Iterator<Item = MessageId>) {
        let hashes = BTreeSet::from_iter(ids.map(hash));
        if !hashes.is_empty() {
            self.tell(Signal::Results(hashes.into_iter().collect()));
        }
    }

    /// Waits until a workflow is newer than its watcher has seen. Versions are
    /// even; one that is forgotten has the odd version after the last.
    async fn wait_for_workflows(&self, watches: &[Watch]) -> Result<Vec<(MessageId, u64)>> {
        let ids = Vec::from_iter(watches.iter().map(|watch| watch.id));
        let watching = self.signals.watch(ids.iter().copied());
        loop {
            let versions = "SELECT id, version FROM workflow WHERE id = ANY ($1)";
            let versions = sqlx::query_as::<_, (Uuid, i64)>(versions).bind(column::uuids(&ids));
            let versions = versions.fetch_all(&self.client.strict).await;
            let versions =
                versions.map_err(|error| self.client.failed("workflows_changed", error))?;
            let even = |(id, version): (Uuid, i64)| (column::id(id), 2 * version.unsigned_abs());
            let versions: HashMap<MessageId, u64> = versions.into_iter().map(even).collect();
            let newer = watches.iter().filter_map(|watch| {
                let forgotten = if watch.seen == 0 { 0 } else { watch.seen | 1 };
                let version = versions.get(&watch.id).copied().unwrap_or(forgotten);
                (version > watch.seen).then_some((watch.id, version))
            });
            let newer = Vec::from_iter(newer);
            if !newer.is_empty() || watches.is_empty() {
                return Ok(newer);
            }
            watching.change().await;
        }
    }
}

impl Workflows for Postgres {
    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(Vec::new()),
                false => self.create_all(batch).await,
            }
        })
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(self.records(ids))
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(self.pages_of(graph, steps))
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.transition_all(batch))
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.client.check_open("mark_steps")?;
            if batch.is_empty() {
                return Ok(());
            }
            let marked = in_time(self.mark_all_steps(&batch)).await;
            marked.map_err(|error| self.client.failed("mark_steps", error))
        })
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(async move {
            self.client.check_open("steps")?;
            let statuses = self.statuses(workflow, first, max).await;
            statuses.map_err(|error| self.client.failed("steps", error))
        })
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(async move {
            self.client.check_open("list")?;
            let list = sqlx::query_as::<_, RecordRow>(LIST)
                .bind(filter.before.map(column::uuid))
                .bind(filter.name.as_ref().map(|name| name.as_str()))
                .bind(filter.status.map(|status| status as i16))
                .bind(filter.parts)
                .bind(filter.part_of.map(column::uuid))
                .bind(column::limit(max));
            let rows = list.fetch_all(&self.client.strict).await;
            let rows = rows.map_err(|error| self.client.failed("list", error))?;
            rows.into_iter().map(|row| self.record_of("list", row)).collect()
        })
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.client.check_open("forget_workflows")?;
            let forget = sqlx::query_scalar::<_, i64>(FORGET).bind(column::uuids(ids));
            let forgotten = forget.fetch_one(&self.client.strict).await;
            let forgotten =
                forgotten.map_err(|error| self.client.failed("forget_workflows", error))?;
            // Their parts are not watched, or looked at soon.
            self.tell_workflows(ids.iter().copied());
            Ok(forgotten.unsigned_abs())
        })
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        let wait = self.wait_for_workflows(watches);
        Box::pin(self.client.while_open("workflows_changed", wait))
    }
}
