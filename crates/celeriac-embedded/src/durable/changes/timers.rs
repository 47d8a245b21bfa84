//! Messages that wait for their time.

use std::sync::Arc;

use celeriac_core::{Message, MessageId};
use rusqlite::params;

use super::Change;
use crate::durable::journal::{Tables, to_sql};
use crate::hub::Hub;
use crate::live::Wake;

/// Messages to keep until their time.
pub(crate) struct Schedule {
    messages: Vec<Arc<Message>>,
    encoded: Vec<Vec<u8>>,
}

impl Schedule {
    pub(crate) fn new(messages: &[Arc<Message>]) -> Self {
        let encode = |message: &Arc<Message>| {
            let mut envelope = Vec::new();
            celeriac_core::wire::encode(message, &mut envelope);
            envelope
        };
        Self { messages: messages.to_vec(), encoded: messages.iter().map(encode).collect() }
    }
}

impl Change for Schedule {
    type Answer = ();
    const OPERATION: &'static str = "schedule";
    const GROWS: bool = true;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut insert = tables.connection.prepare_cached(
            "INSERT INTO timer (id, due, attempt, message) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE
             SET due = excluded.due, attempt = excluded.attempt, message = excluded.message
             WHERE excluded.attempt >= timer.attempt",
        )?;
        for (message, envelope) in self.messages.iter().zip(&self.encoded) {
            let due = to_sql(message.rare().eta.unwrap_or_default());
            insert.execute(params![message.id.as_bytes(), due, message.attempt, envelope])?;
        }
        Ok(())
    }

    fn committed(self, hub: &Hub, (): &()) {
        let mut wake = Wake::default();
        let mut timers = hub.timers.lock();
        for message in self.messages {
            timers.schedule(message, &mut wake);
        }
        drop(timers);
    }
}

/// Messages to remove, unless another attempt took their place.
pub(crate) struct Unschedule(pub(crate) Vec<(MessageId, u32)>);

impl Change for Unschedule {
    type Answer = ();
    const OPERATION: &'static str = "unschedule";
    const GROWS: bool = false;

    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        let mut delete =
            tables.connection.prepare_cached("DELETE FROM timer WHERE id = ? AND attempt = ?")?;
        for (id, attempt) in &self.0 {
            delete.execute(params![id.as_bytes(), attempt])?;
        }
        Ok(())
    }

    fn committed(self, hub: &Hub, (): &()) {
        let mut timers = hub.timers.lock();
        for (id, attempt) in self.0 {
            timers.unschedule(id, attempt);
        }
    }
}
