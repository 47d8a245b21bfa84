//! Claims of dedup keys. They live on disk only.

use celeriac_core::store::{Claim, Claimed};
use rusqlite::{OptionalExtension, params};

use super::Change;
use crate::durable::journal::{Tables, from_sql, id, to_sql};
use crate::hub::Hub;

/// How many expired claims one batch of new ones clears away, at least.
const SWEEP: usize = 64;

/// Keys to claim.
pub(crate) struct ClaimKeys(pub(crate) Vec<Claim>);

impl Change for ClaimKeys {
    type Answer = Vec<Claimed>;
    const OPERATION: &'static str = "claim";
    const GROWS: bool = true;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Vec<Claimed>> {
        // By the clock of the claimers, which is the one that windows are of.
        let now = self.0.iter().map(|claim| claim.now).min().unwrap_or_default();
        let sweep = (SWEEP + self.0.len()) as i64;
        tables
            .connection
            .prepare_cached(
                "DELETE FROM dedup WHERE key IN
                 (SELECT key FROM dedup WHERE until <= ? ORDER BY until LIMIT ?)",
            )?
            .execute(params![to_sql(now), sweep])?;
        self.0.iter().map(|claim| claim_key(tables, claim)).collect()
    }

    fn committed(self, _hub: &Hub, _answer: &Vec<Claimed>) {}
}

fn claim_key(tables: &Tables<'_>, claim: &Claim) -> rusqlite::Result<Claimed> {
    let mut holder =
        tables.connection.prepare_cached("SELECT id, confirmed, until FROM dedup WHERE key = ?")?;
    let holder = holder
        .query_row([&claim.key], |row| {
            Ok((id(row)?, row.get::<_, bool>(1)?, from_sql(row.get(2)?)))
        })
        .optional()?;
    if let Some((id, confirmed, until)) = holder
        && until > claim.now
        && (id != claim.id || confirmed)
    {
        return Ok(Claimed::Held { id, confirmed });
    }
    tables
        .connection
        .prepare_cached(
            "INSERT OR REPLACE INTO dedup (key, id, confirmed, until) VALUES (?, ?, FALSE, ?)",
        )?
        .execute(params![claim.key, claim.id.as_bytes(), to_sql(claim.until)])?;
    Ok(Claimed::Ours)
}

/// Keys whose messages are published.
pub(crate) struct ConfirmKeys(pub(crate) Vec<String>);

impl Change for ConfirmKeys {
    type Answer = ();
    const OPERATION: &'static str = "confirm";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut confirm =
            tables.connection.prepare_cached("UPDATE dedup SET confirmed = TRUE WHERE key = ?")?;
        for key in &self.0 {
            confirm.execute([key])?;
        }
        Ok(())
    }

    fn committed(self, _hub: &Hub, (): &()) {}
}
