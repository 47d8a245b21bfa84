//! [`Dedup`]: a row for each key, which one statement claims or reads.

use std::collections::HashMap;

use celeriac_core::error::Result;
use celeriac_core::store::{Claim, Claimed, Dedup};
use celeriac_core::{BoxFuture, MessageId};
use sqlx::types::Uuid;

use crate::{Postgres, column};

/// A claim that has ended is replaced; one that stands is only read.
const CLAIM: &str = "INSERT INTO claim AS held (key, id, confirmed, claimed_at, until)
     SELECT key, id, false, now, until
         FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[])
         AS wanted (key, id, now, until)
     ON CONFLICT (key) DO UPDATE SET
         id = CASE WHEN held.until <= excluded.claimed_at THEN excluded.id ELSE held.id END,
         confirmed = held.confirmed AND held.until > excluded.claimed_at,
         until = CASE WHEN held.until <= excluded.claimed_at
             OR held.id = excluded.id AND NOT held.confirmed
             THEN excluded.until ELSE held.until END
     RETURNING key, id, confirmed";

impl Postgres {
    async fn claim_all(&self, batch: Vec<Claim>) -> Result<Vec<Claimed>> {
        self.client.check_open("claim")?;
        // The first claim of a key speaks for those behind it in the batch.
        let mut rows: Vec<&Claim> = Vec::from_iter(&batch);
        rows.sort_by(|one, other| one.key.cmp(&other.key));
        rows.dedup_by(|later, first| later.key == first.key);
        let claim = sqlx::query_as::<_, (String, Uuid, bool)>(CLAIM)
            .bind(Vec::from_iter(rows.iter().map(|claim| claim.key.as_str())))
            .bind(Vec::from_iter(rows.iter().map(|claim| column::uuid(claim.id))))
            .bind(Vec::from_iter(rows.iter().map(|claim| column::millis(claim.now))))
            .bind(Vec::from_iter(rows.iter().map(|claim| column::millis(claim.until))));
        let holders = claim.fetch_all(&self.client.strict).await;
        let holders = holders.map_err(|error| self.client.failed("claim", error))?;
        let holders =
            holders.into_iter().map(|(key, id, confirmed)| (key, (column::id(id), confirmed)));
        let holders: HashMap<String, (MessageId, bool)> = holders.collect();
        let answer = |claim: &Claim| match holders.get(&claim.key) {
            Some((id, confirmed)) if *id != claim.id || *confirmed => {
                Claimed::Held { id: *id, confirmed: *confirmed }
            }
            // Every key has a row now.
            _ => Claimed::Ours,
        };
        Ok(batch.iter().map(answer).collect())
    }
}

impl Dedup for Postgres {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(Vec::new()),
                false => self.claim_all(batch).await,
            }
        })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.client.check_open("confirm")?;
            if keys.is_empty() {
                return Ok(());
            }
            let confirm = sqlx::query("UPDATE claim SET confirmed = true WHERE key = ANY ($1)");
            let confirmed = confirm.bind(keys).execute(&self.client.strict).await;
            confirmed.map(drop).map_err(|error| self.client.failed("confirm", error))
        })
    }
}
