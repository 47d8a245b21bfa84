//! [`Results`]: outcomes are inserted once and never updated; marks are apart,
//! in a table that a crash of the server empties.

use std::collections::{HashMap, HashSet};

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{Results, Watch};
use celeriac_core::wire::{decode_outcome, encode_outcome};
use celeriac_core::{BoxFuture, MessageId, Timestamp};
use sqlx::types::Uuid;

use super::encode;
use crate::signals::{Signal, hash};
use crate::{Postgres, column};

/// Ids are in order, so that two who record the same don't wait for each other
/// in a circle. An outcome that has expired counts as none.
const COMPLETE: &str = "WITH unmarked AS (
         DELETE FROM mark WHERE id = ANY ($1)
     ) INSERT INTO outcome AS kept (id, expires_at, body)
     SELECT id, expires_at, body FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])
         AS completion (id, expires_at, body)
     ON CONFLICT (id) DO UPDATE SET
         version = nextval('version'), expires_at = excluded.expires_at, body = excluded.body
         WHERE kept.expires_at <= $4
     RETURNING id";

const MARK: &str = "INSERT INTO mark (id, expires_at, body)
     SELECT id, $2, body FROM unnest($1::uuid[], $3::bytea[]) AS marked (id, body)
     WHERE NOT EXISTS (
         SELECT FROM outcome WHERE outcome.id = marked.id AND outcome.expires_at > $4)
     ON CONFLICT (id) DO UPDATE SET
         version = nextval('version'), expires_at = excluded.expires_at, body = excluded.body";

/// An outcome hides the mark that came too late for it.
const ENTRIES: &str = "SELECT id, version, body, true FROM outcome
         WHERE id = ANY ($1) AND expires_at > $2
     UNION ALL SELECT id, version, body, false FROM mark
         WHERE id = ANY ($1) AND expires_at > $2";

impl Postgres {
    async fn record(&self, batch: Vec<Completion>) -> Result<Vec<bool>> {
        self.client.check_open("complete")?;
        let mut first = HashSet::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        for completion in &batch {
            if first.insert(completion.id) {
                rows.push(completion);
            }
        }
        rows.sort_unstable_by_key(|completion| completion.id);
        let complete = sqlx::query_scalar::<_, Uuid>(COMPLETE)
            .bind(Vec::from_iter(rows.iter().map(|row| column::uuid(row.id))))
            .bind(Vec::from_iter(rows.iter().map(|row| column::millis(row.expires_at))))
            .bind(Vec::from_iter(rows.iter().map(|row| encode_outcome(&row.outcome))))
            .bind(column::millis(Timestamp::now()));
        let recorded = complete.fetch_all(&self.client.strict).await;
        let recorded = recorded.map_err(|error| self.client.failed("complete", error))?;
        let mut recorded = HashSet::<MessageId>::from_iter(recorded.into_iter().map(column::id));
        if !recorded.is_empty() {
            self.tell(Signal::Results(recorded.iter().copied().map(hash).collect()));
        }
        Ok(batch.iter().map(|completion| recorded.remove(&completion.id)).collect())
    }

    async fn note(&self, batch: Vec<Mark>) -> Result<()> {
        self.client.check_open("mark")?;
        let now = Timestamp::now();
        // The last mark of an id is the one that counts.
        let mut latest = HashMap::with_capacity(batch.len());
        for mark in &batch {
            latest.insert(mark.id, mark);
        }
        let mut latest = Vec::from_iter(latest.into_values());
        latest.sort_unstable_by_key(|mark| mark.id);
        let ids = Vec::from_iter(latest.iter().map(|mark| mark.id));
        let note = sqlx::query(MARK)
            .bind(column::uuids(&ids))
            .bind(column::millis(now.after(self.options.mark_ttl)))
            .bind(Vec::from_iter(latest.into_iter().map(encode)))
            .bind(column::millis(now));
        let noted = note.execute(&self.client.loose).await;
        noted.map_err(|error| self.client.failed("mark", error))?;
        self.tell(Signal::Results(ids.into_iter().map(hash).collect()));
        Ok(())
    }

    async fn look_up(
        &self,
        operation: &'static str,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Entry>> {
        self.client.check_open(operation)?;
        let rows = sqlx::query_as::<_, (Uuid, i64, Vec<u8>, bool)>(ENTRIES)
            .bind(column::uuids(ids))
            .bind(column::millis(Timestamp::now()));
        let rows = rows.fetch_all(&self.client.strict).await;
        let rows = rows.map_err(|error| self.client.failed(operation, error))?;
        let mut entries = HashMap::with_capacity(rows.len());
        for (id, version, body, is_outcome) in rows {
            let version = version.unsigned_abs();
            let (id, known) = (column::id(id), entries.get(&column::id(id)));
            if is_outcome {
                let outcome = self.read(operation, decode_outcome(&body))?;
                let (state, attempt) = (outcome.state, outcome.attempt);
                let (progress, failure) = (None, None);
                let outcome = Some(outcome);
                entries.insert(id, Entry { state, attempt, version, progress, failure, outcome });
            } else if known.is_none() {
                let mark: Mark = self.read(operation, rmp_serde::from_slice(&body))?;
                let Mark { state, attempt, progress, failure, .. } = mark;
                let outcome = None;
                entries.insert(id, Entry { state, attempt, version, progress, failure, outcome });
            }
        }
        Ok(entries)
    }

    async fn wait_for_change(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        let ids = Vec::from_iter(watches.iter().map(|watch| watch.id));
        let watching = self.signals.watch(ids.iter().copied());
        loop {
            let mut entries = self.look_up("changed", &ids).await?;
            let newer = watches.iter().filter_map(|watch| {
                let entry = entries.remove(&watch.id)?;
                (entry.version > watch.seen).then_some((watch.id, entry))
            });
            let newer = Vec::from_iter(newer);
            if !newer.is_empty() || watches.is_empty() {
                return Ok(newer);
            }
            watching.change().await;
        }
    }
}

impl Results for Postgres {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(Vec::new()),
                false => self.record(batch).await,
            }
        })
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(()),
                false => self.note(batch).await,
            }
        })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let entries = self.look_up("entries", ids).await?;
            Ok(ids.iter().map(|id| entries.get(id).cloned()).collect())
        })
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(self.client.while_open("changed", self.wait_for_change(watches)))
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.client.check_open("forget")?;
            let forget = sqlx::query(
                "WITH unmarked AS (DELETE FROM mark WHERE id = ANY ($1)) \
                 DELETE FROM outcome WHERE id = ANY ($1)",
            );
            let forgotten = forget.bind(column::uuids(ids)).execute(&self.client.strict).await;
            forgotten.map(drop).map_err(|error| self.client.failed("forget", error))
        })
    }
}
