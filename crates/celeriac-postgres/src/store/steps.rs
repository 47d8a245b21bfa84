//! The statuses of a workflow's steps: read, noted and written in pages.

use std::collections::{BTreeMap, HashMap};

use celeriac_core::MessageId;
use celeriac_core::workflow::{Status, StepId, StepMark};
use sqlx::types::Uuid;

use super::step_status::{STEPS, Statuses};
use super::workflows::small;
use crate::{Postgres, column};

const BOUNDS: &str = "WITH marked AS (
         SELECT id FROM workflow WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
     ) UPDATE workflow SET version = nextval('version') FROM marked
     WHERE workflow.id = marked.id RETURNING workflow.id, root, step_end";

impl Postgres {
    /// Raises the status of steps; whoever watches their workflows is told.
    pub(super) async fn mark_all_steps(&self, batch: &[StepMark]) -> sqlx::Result<()> {
        let mut ids = Vec::from_iter(batch.iter().map(|mark| column::uuid(mark.workflow)));
        ids.sort_unstable();
        ids.dedup();
        let mut transaction = self.client.strict.begin().await?;
        // Whoever notes something of the same workflow comes later.
        let bounds = sqlx::query_as::<_, (Uuid, i64, i64)>(BOUNDS);
        let bounds = bounds.bind(&ids).fetch_all(&mut *transaction).await?;
        let bounds = bounds.into_iter().map(|(id, root, end)| (id, (small(root), small(end))));
        let bounds: HashMap<Uuid, (u32, u32)> = bounds.collect();
        let within = |mark: &StepMark| {
            let (root, end) = bounds.get(&column::uuid(mark.workflow))?;
            let first = mark.first.0.max(*root);
            Some(first..mark.first.0.saturating_add(mark.count).min(*end))
        };
        let mut rows: BTreeMap<(Uuid, i64), Statuses> = BTreeMap::new();
        for mark in batch {
            let Some(steps) = within(mark).filter(|steps| !steps.is_empty()) else { continue };
            for page in steps.start / STEPS..=(steps.end - 1) / STEPS {
                let key = (column::uuid(mark.workflow), i64::from(page));
                rows.entry(key).or_insert_with(|| Statuses::new(Vec::new()));
            }
        }
        let known = sqlx::query_as::<_, (Uuid, i64, Vec<u8>)>(
            "SELECT known.workflow, known.page, known.statuses \
             FROM unnest($1::uuid[], $2::bigint[]) AS asked (workflow, page) \
             JOIN step_status AS known USING (workflow, page)",
        );
        let known = known
            .bind(Vec::from_iter(rows.keys().map(|(workflow, _)| *workflow)))
            .bind(Vec::from_iter(rows.keys().map(|(_, page)| *page)));
        for (workflow, page, statuses) in known.fetch_all(&mut *transaction).await? {
            rows.insert((workflow, page), Statuses::new(statuses));
        }
        for mark in batch {
            for step in within(mark).into_iter().flatten() {
                let key = (column::uuid(mark.workflow), i64::from(step / STEPS));
                if let Some(statuses) = rows.get_mut(&key) {
                    statuses.note(step, mark);
                }
            }
        }
        let write = sqlx::query(
            "INSERT INTO step_status (workflow, page, statuses) \
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) \
             ON CONFLICT (workflow, page) DO UPDATE SET statuses = excluded.statuses",
        );
        let write = write
            .bind(Vec::from_iter(rows.keys().map(|(workflow, _)| *workflow)))
            .bind(Vec::from_iter(rows.keys().map(|(_, page)| *page)))
            .bind(Vec::from_iter(rows.values().map(|statuses| statuses.bytes())));
        write.execute(&mut *transaction).await?;
        transaction.commit().await?;
        self.tell_workflows(batch.iter().map(|mark| mark.workflow));
        Ok(())
    }

    /// The status of at most `max` steps from `first` on.
    pub(super) async fn statuses(
        &self,
        id: MessageId,
        first: StepId,
        max: usize,
    ) -> sqlx::Result<Vec<Status>> {
        let bounds =
            sqlx::query_as::<_, (i64, i64)>("SELECT root, step_end FROM workflow WHERE id = $1");
        let bounds = bounds.bind(column::uuid(id)).fetch_optional(&self.client.strict).await?;
        let Some((root, end)) = bounds else { return Ok(Vec::new()) };
        let first = first.0.max(small(root));
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let end = first.saturating_add(max).min(small(end));
        let rows = sqlx::query_as::<_, (i64, Vec<u8>)>(
            "SELECT page, statuses FROM step_status WHERE workflow = $1 AND page BETWEEN $2 AND $3",
        );
        let rows = rows.bind(column::uuid(id)).bind(i64::from(first / STEPS));
        let rows = rows.bind(i64::from(end / STEPS)).fetch_all(&self.client.strict).await?;
        let rows = rows.into_iter().map(|(page, bytes)| (small(page), Statuses::new(bytes)));
        let rows: HashMap<u32, Statuses> = rows.collect();
        let status = |step: u32| {
            rows.get(&(step / STEPS)).map_or(Status::Pending, |statuses| statuses.status(step))
        };
        Ok((first..end).map(status).collect())
    }
}
