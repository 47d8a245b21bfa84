//! [`Revocations`]: numbered in the order in which they become visible.

use celeriac_core::error::Result;
use celeriac_core::store::{Changes, Revocations};
use celeriac_core::{BoxFuture, MessageId, Timestamp};
use sqlx::types::Uuid;

use crate::lane::in_time;
use crate::signals::{SAFETY, Signal};
use crate::{Postgres, column};

const REVOKE: &str = "INSERT INTO revocation AS known (id, until)
     SELECT id, $2 FROM unnest($1::uuid[]) AS revoked (id)
     ON CONFLICT (id) DO UPDATE SET seq = DEFAULT, until = greatest(known.until, excluded.until)";

impl Postgres {
    async fn revoke_all(&self, ids: &[MessageId], until: Timestamp) -> sqlx::Result<()> {
        let mut ids = column::uuids(ids);
        ids.sort_unstable();
        ids.dedup();
        let mut transaction = self.client.strict.begin().await?;
        // One at a time: a number that is seen is never followed by a lower one
        // that was given out before and committed later.
        let lock = "LOCK TABLE revocation IN SHARE ROW EXCLUSIVE MODE";
        sqlx::query(lock).execute(&mut *transaction).await?;
        let revoke = sqlx::query(REVOKE).bind(ids).bind(column::millis(until));
        revoke.execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn revocations_since(&self, cursor: u64) -> sqlx::Result<Vec<(i64, Uuid)>> {
        let since = "SELECT seq, id FROM revocation WHERE seq > $1 AND until > $2 ORDER BY seq";
        let since = sqlx::query_as(since).bind(cursor.cast_signed());
        since.bind(column::millis(Timestamp::now())).fetch_all(&self.client.strict).await
    }

    async fn wait_for_revocations(&self, cursor: u64) -> Result<Changes> {
        loop {
            let mut signal = self.signals.revocations();
            let found = self.revocations_since(cursor).await;
            let found = found.map_err(|error| self.client.failed("revocations", error))?;
            if cursor == 0 || !found.is_empty() {
                let latest = found.last().map_or(0, |(seq, _)| seq.unsigned_abs());
                let ids = found.into_iter().map(|(_, id)| column::id(id)).collect();
                // Never 0 again, which asks for all there are.
                return Ok(Changes { cursor: latest.max(cursor).max(1), ids });
            }
            // Over time, it is as if there had been a signal.
            let _ = tokio::time::timeout(SAFETY, signal.changed()).await;
        }
    }
}

impl Revocations for Postgres {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.client.check_open("revoke")?;
            if ids.is_empty() {
                return Ok(());
            }
            let revoked = in_time(self.revoke_all(ids, until)).await;
            revoked.map_err(|error| self.client.failed("revoke", error))?;
            self.tell(Signal::Revoked);
            Ok(())
        })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move {
            self.client.check_open("revoked")?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let revoked = "SELECT id FROM revocation WHERE id = ANY ($1) AND until > $2";
            let revoked = sqlx::query_scalar::<_, Uuid>(revoked).bind(column::uuids(ids));
            let revoked = revoked.bind(column::millis(Timestamp::now()));
            let revoked = revoked.fetch_all(&self.client.strict).await;
            let revoked = revoked.map_err(|error| self.client.failed("revoked", error))?;
            Ok(revoked.into_iter().map(column::id).collect())
        })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(self.client.while_open("revocations", self.wait_for_revocations(cursor)))
    }
}
