//! [`Quarantine`]: what waits for a person, with the columns that it is
//! filtered by.

use celeriac_core::error::Result;
use celeriac_core::store::{Filter, Quarantine, Quarantined};
use celeriac_core::wire::{decode_quarantined, encode_quarantined};
use celeriac_core::{BoxFuture, MessageId};

use crate::{Postgres, column};

const PUT: &str = "INSERT INTO quarantine (id, name, queue, reason, workflow, body)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bytea[])
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, queue = excluded.queue,
         reason = excluded.reason, workflow = excluded.workflow, body = excluded.body";

const LIST: &str = "SELECT body FROM quarantine
     WHERE ($1::uuid[] = '{}' OR id = ANY ($1)) AND ($2::text IS NULL OR name = $2)
         AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR reason = $4)
         AND ($5::uuid IS NULL OR workflow = $5) AND ($6::uuid IS NULL OR id > $6)
     ORDER BY id LIMIT $7";

impl Postgres {
    async fn put_into_quarantine(&self, batch: Vec<Quarantined>) -> Result<()> {
        self.client.check_open("quarantine")?;
        // The last of an id counts; in order, so that nobody waits in a circle.
        let mut rows = Vec::from_iter(batch.iter().enumerate());
        rows.sort_by_key(|(position, one)| (one.content.id(), std::cmp::Reverse(*position)));
        rows.dedup_by_key(|(_, one)| one.content.id());
        let rows = Vec::from_iter(rows.into_iter().map(|(_, one)| one));
        let name = |one: &&Quarantined| one.content.name().map(|name| name.as_str().to_owned());
        let put = sqlx::query(PUT)
            .bind(Vec::from_iter(rows.iter().map(|one| column::uuid(one.content.id()))))
            .bind(Vec::from_iter(rows.iter().map(name)))
            .bind(Vec::from_iter(rows.iter().map(|one| one.content.queue().as_str())))
            .bind(Vec::from_iter(rows.iter().map(|one| one.reason.as_str())))
            .bind(Vec::from_iter(rows.iter().map(|one| one.content.workflow().map(column::uuid))))
            .bind(Vec::from_iter(rows.iter().map(|one| encode_quarantined(one))));
        let put = put.execute(&self.client.strict).await;
        put.map(drop).map_err(|error| self.client.failed("quarantine", error))
    }

    async fn list_quarantine(&self, filter: &Filter, max: usize) -> Result<Vec<Quarantined>> {
        self.client.check_open("quarantined")?;
        let list = sqlx::query_scalar::<_, Vec<u8>>(LIST)
            .bind(column::uuids(&filter.ids))
            .bind(filter.name.as_ref().map(|name| name.as_str()))
            .bind(filter.queue.as_ref().map(|queue| queue.as_str()))
            .bind(filter.reason.map(|reason| reason.as_str()))
            .bind(filter.workflow.map(column::uuid))
            .bind(filter.after.map(column::uuid))
            .bind(column::limit(max));
        let bodies = list.fetch_all(&self.client.strict).await;
        let bodies = bodies.map_err(|error| self.client.failed("quarantined", error))?;
        let read = bodies.iter().map(|body| decode_quarantined(body)).collect();
        self.read("quarantined", read)
    }
}

impl Quarantine for Postgres {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(()),
                false => self.put_into_quarantine(batch).await,
            }
        })
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(self.list_quarantine(filter, max))
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.client.check_open("unquarantine")?;
            let remove = sqlx::query("DELETE FROM quarantine WHERE id = ANY ($1)");
            let removed = remove.bind(column::uuids(ids)).execute(&self.client.strict).await;
            let removed = removed.map_err(|error| self.client.failed("unquarantine", error))?;
            Ok(removed.rows_affected())
        })
    }
}
