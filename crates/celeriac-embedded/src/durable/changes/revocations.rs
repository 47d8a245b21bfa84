//! Ids that are revoked.

use celeriac_core::{MessageId, Timestamp};
use rusqlite::params;

use super::Change;
use crate::durable::journal::{Tables, to_sql};
use crate::hub::Hub;

/// Ids to revoke until a point in time. Those that are over go.
pub(crate) struct Revoke {
    pub(crate) ids: Vec<MessageId>,
    pub(crate) until: Timestamp,
}

impl Change for Revoke {
    type Answer = ();
    const OPERATION: &'static str = "revoke";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut insert = tables
            .connection
            .prepare_cached("INSERT OR REPLACE INTO revocation (id, until) VALUES (?, ?)")?;
        for id in &self.ids {
            insert.execute(params![id.as_bytes(), to_sql(self.until)])?;
        }
        tables
            .connection
            .prepare_cached("DELETE FROM revocation WHERE until <= ?")?
            .execute([to_sql(tables.now)])?;
        Ok(())
    }

    fn committed(self, hub: &Hub, (): &()) {
        hub.revoke(&self.ids, self.until);
    }
}
