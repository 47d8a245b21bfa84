//! The reader: an actor with a thread and a read-only connection of its own.
//! After a crash it opens another one; who asked meanwhile asks again.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::broker::Undecodable;
use celeriac_core::outcome::Entry;
use celeriac_core::store::{Filter, Quarantined};
use celeriac_core::wire::{self, Decoder};
use celeriac_core::{ErrorKind, Message, MessageId, Timestamp};
use jumpstarter::actor;
use rusqlite::{Connection, OptionalExtension, params};

use super::journal::fault::Fault;
use super::journal::{open_reader, split, to_sql};
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
    directory: PathBuf,
    hub: Arc<Hub>,
    /// Open as long as the actor is started.
    connection: Option<Connection>,
}

/// Packs that are being read: who waits for them is told, also if that crashes.
struct Loading<'a> {
    hub: &'a Hub,
    load: &'a Load,
    done: bool,
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        if !self.done {
            let fault = Fault::new(ErrorKind::Unreachable, "its reader crashed; it starts again");
            let error = fault.error("pull", &self.hub.address);
            let mut wake = Wake::default();
            self.hub.queues.lock().load_failed(self.load, error, &mut wake);
        }
    }
}

#[actor]
impl Reader {
    /// A reader of the hub's database. It opens it unless it is given one.
    pub(super) fn new(directory: PathBuf, hub: Arc<Hub>, connection: Option<Connection>) -> Self {
        Self { directory, hub, connection }
    }

    #[started]
    fn open(&mut self) -> celeriac_core::error::Result<()> {
        if self.connection.is_none() {
            self.connection = Some(open_reader(&self.directory)?);
        }
        Ok(())
    }

    #[handler]
    fn packs(&mut self, read: ReadPacks) {
        let ReadPacks(load) = read;
        let mut loading = Loading { hub: &self.hub, load: &load, done: false };
        let loaded = self.read_disk(|disk| disk.load(&load));
        loading.done = true;
        let mut wake = Wake::default();
        match loaded {
            Ok(loaded) => self.hub.queues.lock().install(&load, loaded, &mut wake),
            Err(fault) => {
                let error = fault.error("pull", &self.hub.address);
                self.hub.queues.lock().load_failed(&load, error, &mut wake);
            }
        }
    }

    #[handler]
    fn results(&mut self, read: ReadResults) -> Read<Vec<Option<Entry>>> {
        self.read_disk(|disk| read.0.into_iter().map(|id| disk.result(id)).collect())
    }

    #[handler]
    fn timers(&mut self, read: ReadTimers) -> Read<Vec<Arc<Message>>> {
        self.read_disk(|disk| {
            let messages = read.0.into_iter().map(|id| disk.timer(id));
            // One that is gone meanwhile is left out.
            messages.filter_map(Result::transpose).collect()
        })
    }

    #[handler]
    fn quarantine(&mut self, read: ReadQuarantine) -> Read<Vec<Quarantined>> {
        self.read_disk(|disk| disk.page(&read.0, read.1))
    }

    #[handler]
    fn consult(&mut self, question: Consult) -> Read<()> {
        self.read_disk(|disk| (question.0)(disk.connection))
    }

    fn read_disk<T>(&self, read: impl FnOnce(Disk<'_>) -> rusqlite::Result<T>) -> Read<T> {
        match &self.connection {
            Some(connection) => read(Disk { connection }).map_err(|error| Fault::from(&error)),
            // Opened at the start, so there is one.
            None => Err(Fault::new(ErrorKind::Internal, "its reader is not started")),
        }
    }
}

/// The database, to be read.
#[derive(Clone, Copy)]
struct Disk<'a> {
    connection: &'a Connection,
}

impl Disk<'_> {
    fn load(self, load: &Load) -> rusqlite::Result<Vec<(u64, Vec<Payload>)>> {
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

    fn result(self, id: MessageId) -> rusqlite::Result<Option<Entry>> {
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

    fn timer(self, id: MessageId) -> rusqlite::Result<Option<Arc<Message>>> {
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
    fn named(self, filter: &Filter, max: usize) -> rusqlite::Result<Vec<Quarantined>> {
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

    fn page(self, filter: &Filter, max: usize) -> rusqlite::Result<Vec<Quarantined>> {
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
