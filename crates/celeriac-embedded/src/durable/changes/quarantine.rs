//! What goes into quarantine, and comes out. It lives on disk only.

use celeriac_core::MessageId;
use celeriac_core::store::Quarantined;
use celeriac_core::wire::encode_quarantined;
use rusqlite::params;

use super::Change;
use crate::durable::journal::Tables;
use crate::hub::Hub;

/// Messages that go into quarantine.
pub(crate) struct PutAway(pub(crate) Vec<Quarantined>);

impl Change for PutAway {
    type Answer = ();
    const OPERATION: &'static str = "quarantine";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut insert = tables.connection.prepare_cached(
            "INSERT OR REPLACE INTO quarantine (id, name, queue, reason, record)
             VALUES (?, ?, ?, ?, ?)",
        )?;
        for quarantined in &self.0 {
            let content = &quarantined.content;
            insert.execute(params![
                content.id().as_bytes(),
                content.name().map(|name| name.as_str()),
                content.queue().as_str(),
                quarantined.reason.as_str(),
                encode_quarantined(quarantined)
            ])?;
        }
        Ok(())
    }

    fn committed(self, _hub: &Hub, (): &()) {}
}

/// Ids that come out of quarantine.
pub(crate) struct TakeOut(pub(crate) Vec<MessageId>);

impl Change for TakeOut {
    type Answer = u64;
    const OPERATION: &'static str = "unquarantine";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<u64> {
        let mut delete = tables.connection.prepare_cached("DELETE FROM quarantine WHERE id = ?")?;
        let mut removed = 0;
        for id in &self.0 {
            removed += delete.execute([id.as_bytes()])? as u64;
        }
        Ok(removed)
    }

    fn committed(self, _hub: &Hub, _removed: &u64) {}
}
