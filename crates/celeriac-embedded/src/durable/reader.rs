//! The reader: an actor with a thread and a read-only connection of its own.

use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::broker::Undecodable;
use celeriac_core::outcome::Entry;
use celeriac_core::store::{Filter, Quarantined};
use celeriac_core::wire::{self, Decoder};
use celeriac_core::{Message, MessageId, Timestamp};
use jumpstarter::actor;
use rusqlite::{Connection, OptionalExtension, params};

use super::journal::fault::Fault;
use super::journal::{split, to_sql};
use crate::hub::Hub;
use crate::live::{Load, PACK, Payload, Wake, done_entry};

/// What a read gives.
pub(super) type Read<T> = Result<T, Fault>;

/// Packs to bring into the hub.
pub(super) struct ReadPacks(pub(super) Load);

/// Outcomes of ids, in the order asked.
pub(super) struct ReadResults(pub(super) Vec<MessageId>);

/// Messages that wait for their time, without those that are gone.
pub(super) struct ReadTimers(pub(super) Vec<MessageId>);

/// A page of the quarantine.
pub(super) struct ReadQuarantine(pub(super) Filter, pub(super) usize);

/// A question of its own to the database.
type Question = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// A question that sees to its answer itself.
pub(super) struct Consult(pub(super) Question);

/// Reads what is on disk only.
pub(super) struct Reader {
    connection: Connection,
    hub: Arc<Hub>,
}

#[actor]
impl Reader {
    /// A reader of the hub's database.
    pub(super) fn new(connection: Connection, hub: Arc<Hub>) -> Self {
        Self { connection, hub }
    }

    #[handler]
    fn packs(&mut self, read: ReadPacks) {
        let ReadPacks(load) = read;
        let mut wake = Wake::default();
        match self.load(&load) {
            Ok(loaded) => self.hub.queues.lock().install(&load, loaded, &mut wake),
            Err(error) => {
                let error = Fault::from(&error).error("pull", &self.hub.address);
                self.hub.queues.lock().load_failed(&load, error, &mut wake);
            }
        }
    }

    #[handler]
    fn results(&mut self, read: ReadResults) -> Read<Vec<Option<Entry>>> {
        let entries = read.0.into_iter().map(|id| self.result(id));
        entries.collect::<rusqlite::Result<_>>().map_err(|error| Fault::from(&error))
    }

    #[handler]
    fn timers(&mut self, read: ReadTimers) -> Read<Vec<Arc<Message>>> {
        let messages = read.0.into_iter().map(|id| self.timer(id));
        let messages: rusqlite::Result<Vec<_>> = messages.collect();
        let messages = messages.map_err(|error| Fault::from(&error))?;
        Ok(messages.into_iter().flatten().collect())
    }

    #[handler]
    fn quarantine(&mut self, read: ReadQuarantine) -> Read<Vec<Quarantined>> {
        self.page(&read.0, read.1).map_err(|error| Fault::from(&error))
    }

    #[handler]
    fn consult(&mut self, question: Consult) -> Read<()> {
        (question.0)(&self.connection).map_err(|error| Fault::from(&error))
    }

    fn load(&self, load: &Load) -> rusqlite::Result<Vec<(u64, Vec<Payload>)>> {
        let mut select =
            self.connection.prepare_cached("SELECT messages FROM pack WHERE seq = ?")?;
        let mut decoder = Decoder::new();
        let mut loaded = Vec::with_capacity(load.packs.len());
        for pack in &load.packs {
            let messages = select.query_row([*pack as i64], |row| row.get::<_, Vec<u8>>(0));
            let messages = Bytes::from(messages.optional()?.unwrap_or_default());
            loaded.push((*pack, payloads(load, *pack, &messages, &mut decoder)));
        }
        Ok(loaded)
    }

    fn result(&self, id: MessageId) -> rusqlite::Result<Option<Entry>> {
        let mut select = self.connection.prepare_cached(
            "SELECT version, outcome FROM result WHERE id = ? AND expires_at > ?",
        )?;
        let row = select
            .query_row(params![id.as_bytes(), to_sql(Timestamp::now())], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()?;
        let Some((version, outcome)) = row else {
            return Ok(None);
        };
        match wire::decode_outcome(&outcome) {
            Ok(outcome) => Ok(Some(done_entry(outcome, version as u64))),
            Err(error) => {
                tracing::error!(%id, %error, "an outcome in the store can't be read");
                Ok(None)
            }
        }
    }

    fn timer(&self, id: MessageId) -> rusqlite::Result<Option<Arc<Message>>> {
        let mut select =
            self.connection.prepare_cached("SELECT message FROM timer WHERE id = ?")?;
        let envelope = select.query_row([id.as_bytes()], |row| row.get::<_, Vec<u8>>(0));
        let Some(envelope) = envelope.optional()? else {
            return Ok(None);
        };
        match Decoder::new().decode(&envelope.into()) {
            Ok(message) => Ok(Some(message.into())),
            Err(error) => {
                tracing::error!(%id, %error, "a timer in the store can't be read");
                Ok(None)
            }
        }
    }

    /// Those of the filter's ids that it means.
    fn named(&self, filter: &Filter, max: usize) -> rusqlite::Result<Vec<Quarantined>> {
        let mut select =
            self.connection.prepare_cached("SELECT record FROM quarantine WHERE id = ?")?;
        let mut ids = filter.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let mut page = Vec::new();
        for id in ids {
            let record = select.query_row([id.as_bytes()], |row| row.get::<_, Vec<u8>>(0));
            if let Some(record) = record.optional()? {
                page.extend(meant(filter, &record));
            }
            if page.len() >= max {
                break;
            }
        }
        page.truncate(max);
        Ok(page)
    }

    fn page(&self, filter: &Filter, max: usize) -> rusqlite::Result<Vec<Quarantined>> {
        if !filter.ids.is_empty() {
            return self.named(filter, max);
        }
        let mut select = self.connection.prepare_cached(
            "SELECT record FROM quarantine
             WHERE id > ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR queue = ?3)
               AND (?4 IS NULL OR reason = ?4) ORDER BY id",
        )?;
        let after = filter.after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
        let mut rows = select.query(params![
            after,
            filter.name.as_ref().map(|name| name.as_str()),
            filter.queue.as_ref().map(|queue| queue.as_str()),
            filter.reason.map(|reason| reason.as_str())
        ])?;
        let mut page = Vec::new();
        while page.len() < max
            && let Some(row) = rows.next()?
        {
            page.extend(meant(filter, row.get_ref(0)?.as_blob()?));
        }
        Ok(page)
    }
}

/// A record of the quarantine, if the filter means it.
fn meant(filter: &Filter, record: &[u8]) -> Option<Quarantined> {
    match wire::decode_quarantined(record) {
        Ok(quarantined) => filter.matches(&quarantined).then_some(quarantined),
        Err(error) => {
            tracing::error!(%error, "a record in quarantine can't be read");
            None
        }
    }
}

/// The messages of a pack, one for each of its possible positions.
fn payloads(load: &Load, pack: u64, messages: &Bytes, decoder: &mut Decoder) -> Vec<Payload> {
    let mut envelopes = split(messages).into_iter();
    let payload = |position| {
        let raw = envelopes.next().unwrap_or_default();
        decoder.decode(&raw).map(Arc::new).map_err(|error| {
            // The same id each time, so that quarantine keeps it once.
            let number = u128::from(pack) << 64 | position << 48;
            Box::new(Undecodable {
                id: MessageId::from_parts(Timestamp::default(), number),
                queue: load.name.clone(),
                raw,
                reason: error.to_string(),
            })
        })
    };
    (0..PACK as u128).map(payload).collect()
}
