//! Outcomes that are recorded, and ids that are forgotten.

use celeriac_core::MessageId;
use celeriac_core::outcome::Completion;
use celeriac_core::wire::encode_outcome;
use rusqlite::params;

use super::Change;
use crate::durable::journal::{EXPIRY_SHIFT, Tables, to_sql};
use crate::hub::Hub;
use crate::live::Wake;

/// Lifts the versions of outcomes above those of all marks, so that a mark
/// that overtakes the commit of an outcome does not hide it from a watcher.
const OUTCOME: u64 = 1 << 62;

/// Outcomes to record, each unless there is one.
pub(crate) struct Complete {
    completions: Vec<Completion>,
    encoded: Vec<Vec<u8>>,
    first_version: u64,
}

impl Complete {
    pub(crate) fn new(completions: Vec<Completion>) -> Self {
        let outcomes = completions.iter();
        let encoded = outcomes.map(|completion| encode_outcome(&completion.outcome));
        Self { encoded: encoded.collect(), completions, first_version: 0 }
    }
}

impl Complete {
    pub(crate) fn len(&self) -> usize {
        self.completions.len()
    }
}

impl Change for Complete {
    type Answer = Vec<bool>;
    const OPERATION: &'static str = "complete";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Vec<bool>> {
        let count = self.completions.len();
        self.first_version = OUTCOME | tables.hub.results.lock().versions(count);
        // An outcome that has expired and was not removed yet gives way.
        let mut record = tables.connection.prepare_cached(
            "INSERT INTO result (id, version, expires_at, outcome) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET version = ?2, expires_at = ?3, outcome = ?4
             WHERE expires_at <= ?5",
        )?;
        let now = to_sql(tables.now);
        let mut recorded = Vec::with_capacity(count);
        let rows = self.completions.iter().zip(&self.encoded);
        for ((completion, encoded), version) in rows.zip(self.first_version..) {
            let expires_at = to_sql(completion.expires_at);
            let id = completion.id.as_bytes();
            let changes = record.execute(params![id, version as i64, expires_at, encoded, now])?;
            recorded.push(changes == 1);
            if changes == 1 && expires_at != i64::MAX {
                let bucket = completion.expires_at.as_millis() >> EXPIRY_SHIFT;
                tables.expires(bucket, completion.id);
            }
        }
        Ok(recorded)
    }

    fn committed(self, hub: &Hub, recorded: &Vec<bool>) {
        let now = celeriac_core::Timestamp::now();
        let added = self.completions.len();
        let mut wake = Wake::default();
        let mut dropped = Vec::new();
        let mut results = hub.results.lock();
        let versions = self.first_version..;
        for ((completion, version), first) in
            self.completions.into_iter().zip(versions).zip(recorded)
        {
            if *first {
                dropped.extend(results.complete(completion, version, now, &mut wake).1);
            }
        }
        results.sweep(now, added, &mut dropped);
        drop(results);
    }
}

/// Ids to forget.
pub(crate) struct Forget(pub(crate) Vec<MessageId>);

impl Change for Forget {
    type Answer = ();
    const OPERATION: &'static str = "forget";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut forget = tables.connection.prepare_cached("DELETE FROM result WHERE id = ?")?;
        for id in &self.0 {
            forget.execute([id.as_bytes()])?;
        }
        Ok(())
    }

    fn committed(self, hub: &Hub, (): &()) {
        let mut results = hub.results.lock();
        for id in self.0 {
            results.forget(id);
        }
    }
}
