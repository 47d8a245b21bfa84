//! [`Broker`]: publishing, settling and looking at queues.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::taking::Departures;
use celeriac_core::{
    Address, BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName, wire,
};
use jumpstarter::{Spawner, System};
use parking_lot::Mutex;
use redis::ConnectionInfo;
use tokio::sync::{Notify, Semaphore};

use crate::beginnings::Beginnings;
use crate::call::Call;
use crate::client::Client;
use crate::config::{self, Options};
use crate::consumer::RedisConsumer;
use crate::held::{Back, Held};
use crate::keeper::{Keeper, millis, sweep};
use crate::key::Keys;
use crate::reply;
use crate::script::{PUBLISH, PURGE, ROOM, STATS};
use crate::wakes::{QueueEar, Wakes};

/// How often the name of a queue that is published to is noted again.
const NOTE_AGAIN: Duration = Duration::from_secs(60);
/// An empty queue that nobody has noted for so long is forgotten.
const FORGET_AFTER_MS: u64 = 10 * 60 * 1000;
/// How long an unused transient queue lives.
const TRANSIENT_MS: u64 = 60_000;
/// A call has at most so many messages, and about so many bytes.
pub(crate) const CALL_MESSAGES: usize = 4096;
pub(crate) const CALL_BYTES: usize = 8 << 20;

/// Broker and store on a Redis or Valkey server, or cluster. Cheap to share.
pub struct Redis {
    pub(crate) shared: Arc<Shared>,
    keeper: jumpstarter::Address<Keeper>,
    pub(crate) store_id: StoreId,
    pub(crate) memory: crate::store::Memory,
}

/// What broker, consumers, store and keeper have in common.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) keys: Keys,
    pub(crate) options: Options,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) held: Mutex<Held>,
    pub(crate) beginnings: Beginnings,
    /// What deliveries are held under: this opening of the driver.
    pub(crate) holder: String,
    pub(crate) node: Option<ConnectionInfo>,
    pub(crate) spawner: Mutex<Option<Spawner>>,
    /// Settling takes turns, so that what a chunk is told grows.
    turn: Semaphore,
    /// What goes back without its caller waiting for it.
    pub(crate) departures: Departures,
    consumers: AtomicU64,
    noted: Mutex<HashMap<QueueName, Instant>>,
}

impl Shared {
    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        if !self.wakes.is_closed() {
            return Ok(());
        }
        let context = format!("{} was closed; open it again", self.client.shown());
        Err(Error::new(ErrorKind::Closed, operation, context))
    }

    /// Waits until everything that goes back is there.
    pub(crate) async fn departed(&self) {
        self.departures.over().await;
    }

    /// What could not be given back is left to the keeper, which finds it at
    /// the server.
    pub(crate) fn disown(&self, batch: &[Settlement]) {
        self.held.lock().disown(batch);
    }

    /// How long what is written for a queue lives without being used, in ms; 0:
    /// for ever.
    pub(crate) fn life(&self, queue: &QueueName) -> u64 {
        if queue.is_transient() { TRANSIENT_MS.max(millis(self.options.lease)) } else { 0 }
    }

    pub(crate) async fn settle(&self, batch: &[Settlement], back: Back) -> Result<()> {
        let Ok(_turn) = self.turn.acquire().await else {
            return self.check_open("settle");
        };
        let settling = self.held.lock().settle(batch, back, &self.holder);
        let mut pending = Pending { shared: self, settling, done: false };
        let calls = std::mem::take(&mut pending.settling.calls);
        self.client.all("settle", calls).await?;
        pending.done = true;
        Ok(())
    }
}

/// Settlements on their way: what the server may not have is as it was.
struct Pending<'a> {
    shared: &'a Shared,
    settling: crate::held::Settling,
    done: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let mut held = self.shared.held.lock();
        if self.done { held.confirm(&self.settling) } else { held.revert(&self.settling) }
    }
}

impl Redis {
    pub(crate) async fn open(
        address: &Address,
        options: Options,
        system: &System,
    ) -> Result<Arc<Self>> {
        let target = config::read(address, options)?;
        let keys = Keys::new(&target.options.prefix);
        let wakes = Arc::new(Wakes::new(&keys));
        let heard = wakes.clone();
        let client = Client::connect(&target, Arc::new(move |push| heard.hear(&push))).await?;
        for channel in [keys.changes_channel(), keys.timers_channel(), keys.revoked_channel()] {
            client.subscribe(&channel).await?;
        }
        let shared = Arc::new(Shared {
            client,
            keys,
            options: target.options,
            wakes,
            held: Mutex::default(),
            beginnings: Beginnings::default(),
            holder: celeriac_core::MessageId::new().to_string(),
            node: target.nodes.into_iter().next(),
            spawner: Mutex::new(None),
            turn: Semaphore::new(1),
            departures: Departures::default(),
            consumers: AtomicU64::new(1),
            noted: Mutex::default(),
        });
        let kept = shared.clone();
        let keeper = system.spawn("redis-keeper", jumpstarter::Options::default(), move || {
            Keeper::new(kept.clone())
        });
        keeper.started().await.map_err(|error| {
            let context = format!("{}: its lease can't be had", shared.client.shown());
            Error::new(ErrorKind::Unreachable, "open", context).caused_by(error)
        })?;
        let (store_id, memory) = (StoreId::next(), crate::store::Memory::default());
        Ok(Arc::new(Self { shared, keeper, store_id, memory }))
    }

    /// For tests: the leases of all that this process holds expire now, as if
    /// it had been stopped for longer than they last.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn expire_leases(&self) -> Result<()> {
        let shared = &self.shared;
        shared.departed().await;
        let gone = Call::command("ZREM").arg(shared.keys.holders()).arg(&shared.holder);
        shared.client.one("expire", gone).await?;
        let live = Call::command("ZRANGE").arg(shared.keys.holders()).arg(0).arg(-1);
        let live = reply::strings(shared.client.one("expire", live).await?)?;
        sweep(shared, &live, None, Duration::ZERO).await
    }

    /// Notes the names of queues, so that they are listed, and looked after.
    fn note(&self, queues: &[&QueueName], calls: &mut Vec<Call>) {
        let (now, mut noted) = (Instant::now(), self.shared.noted.lock());
        for queue in queues {
            let is_known = noted.get(*queue).is_some_and(|at| now.duration_since(*at) < NOTE_AGAIN);
            if !is_known {
                // Those of replies come and go.
                noted.retain(|_, at| now.duration_since(*at) < NOTE_AGAIN);
                noted.insert((*queue).clone(), now);
                let at = celeriac_core::Timestamp::now().as_millis();
                let note = Call::command("ZADD").arg(self.shared.keys.queues()).arg(at);
                calls.push(note.arg(queue.as_str()));
            }
        }
    }

    fn publishing(&self, queue: &QueueName, limit: Limit, batch: &[&Message]) -> Call {
        let shared = &self.shared;
        let limit = match limit {
            Limit::Respect => i64::try_from(shared.options.queue_limit).unwrap_or(i64::MAX),
            Limit::Exceed => -1,
        };
        let mut runs: Vec<(u8, usize)> = Vec::new();
        for message in batch {
            let priority = message.priority.get();
            match runs.last_mut() {
                Some((same, count)) if *same == priority => *count += 1,
                _ => runs.push((priority, 1)),
            }
        }
        let mut call = Call::script(&PUBLISH, &shared.keys.queue(queue))
            .arg(limit)
            .arg(shared.life(queue))
            .arg(shared.keys.queue_channel(queue))
            .arg(runs.len());
        for (priority, count) in runs {
            call.push(priority);
            call.push(count);
        }
        let mut entry = Vec::new();
        for message in batch {
            entry.clear();
            entry.extend([message.priority.get(), 0]);
            wire::encode(message, &mut entry);
            call.push(&entry[..]);
        }
        call
    }

    /// Notes of queue names; calls that publish; the positions in the batch of
    /// each call's messages.
    pub(crate) fn publishings(&self, batch: &[Arc<Message>], limit: Limit) -> Publishings {
        // Few queues a batch: a list is faster than a map, and keeps the order.
        let mut queues: Vec<(&QueueName, Vec<usize>)> = Vec::new();
        for (position, message) in batch.iter().enumerate() {
            match queues.iter_mut().find(|(queue, _)| **queue == message.queue) {
                Some((_, positions)) => positions.push(position),
                None => queues.push((&message.queue, vec![position])),
            }
        }
        let mut publishings = Publishings::default();
        let names = Vec::from_iter(queues.iter().map(|(queue, _)| *queue));
        self.note(&names, &mut publishings.notes);
        for (queue, positions) in &queues {
            for part in split(positions, |position| batch[*position].body.len()) {
                let messages = Vec::from_iter(part.iter().map(|position| &*batch[*position]));
                publishings.calls.push(self.publishing(queue, limit, &messages));
                publishings.parts.push(part.to_vec());
            }
        }
        publishings
    }

    async fn publish_all(&self, batch: &[Arc<Message>], limit: Limit) -> Result<Vec<usize>> {
        self.shared.check_open("publish")?;
        let Publishings { notes, calls, parts } = self.publishings(batch, limit);
        let noted = notes.len();
        let calls = notes.into_iter().chain(calls).collect();
        let answers = self.shared.client.all("publish", calls).await?;
        let mut refused = Vec::new();
        for (part, answer) in parts.into_iter().zip(answers.iter().skip(noted)) {
            let stored = usize::try_from(reply::number(answer)?).unwrap_or(usize::MAX);
            refused.extend(part.iter().skip(stored));
        }
        refused.sort_unstable();
        Ok(refused)
    }

    async fn has_room(&self, queue: &QueueName) -> Result<()> {
        let shared = &self.shared;
        shared.check_open("room")?;
        let notify = Arc::new(Notify::new());
        let channel = shared.keys.queue_channel(queue);
        let listening = Listening { shared, channel, ear: QueueEar::new(&notify) };
        shared.wakes.listen(&listening.channel, &listening.ear);
        shared.client.subscribe(&listening.channel).await?;
        loop {
            shared.check_open("room")?;
            let asked = Call::script(&ROOM, &shared.keys.queue(queue));
            let asked = asked.arg(shared.options.queue_limit);
            if reply::number(&shared.client.one("room", asked).await?)? == 1 {
                return Ok(());
            }
            notify.notified().await;
        }
    }

    async fn stats(&self) -> Result<Vec<QueueStats>> {
        let shared = &self.shared;
        shared.check_open("queues")?;
        shared.departed().await;
        let names = Call::command("ZRANGE").arg(shared.keys.queues()).arg(0).arg(-1);
        let names = names.arg("WITHSCORES");
        let mut noted = Vec::new();
        for pair in reply::pairs(shared.client.one("queues", names).await?)? {
            let (name, at) = pair;
            let name = QueueName::from(String::from_utf8_lossy(&name).into_owned());
            noted.push((name, reply::number(&at)?));
        }
        noted.sort_by(|one, other| one.0.cmp(&other.0));
        let stats = noted.iter().map(|(name, _)| Call::script(&STATS, &shared.keys.queue(name)));
        let answers = shared.client.all("queues", stats.collect()).await?;
        let now = celeriac_core::Timestamp::now().as_millis();
        let (mut listed, mut forgotten) = (Vec::new(), Vec::new());
        for ((name, at), answer) in noted.into_iter().zip(answers) {
            let counts = reply::list(answer)?;
            let count = |at: usize| counts.get(at).map_or(Ok(0), reply::number);
            let (ready, in_flight) = (count(0)?, count(1)?);
            if ready + in_flight > 0 {
                listed.push(QueueStats { name, ready, in_flight });
            } else if at + FORGET_AFTER_MS < now {
                let forget = Call::command("ZREM").arg(shared.keys.queues());
                forgotten.push(forget.arg(name.as_str()));
            }
        }
        shared.client.all("queues", forgotten).await?;
        Ok(listed)
    }

    async fn close_down(&self) {
        let shared = &self.shared;
        if shared.wakes.is_closed() {
            return;
        }
        shared.departed().await;
        let held = shared.held.lock().of_consumer(None);
        let gone = Call::command("ZREM").arg(shared.keys.holders()).arg(&shared.holder);
        let left = async {
            shared.settle(&held, Back::Requeued).await?;
            shared.client.one("close", gone).await
        };
        if let Err(error) = left.await {
            tracing::warn!(%error, "what this process held comes again when its lease ends");
        }
        shared.wakes.close();
        self.keeper.stop().await;
    }
}

/// A batch on its way to its queues.
#[derive(Default)]
pub(crate) struct Publishings {
    pub(crate) notes: Vec<Call>,
    pub(crate) calls: Vec<Call>,
    parts: Vec<Vec<usize>>,
}

/// Parts of at most so many messages and bytes.
fn split(positions: &[usize], size: impl Fn(&usize) -> usize) -> Vec<&[usize]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, position) in positions.iter().enumerate() {
        bytes += size(position);
        if at > start && (at - start == CALL_MESSAGES || bytes > CALL_BYTES) {
            parts.push(&positions[start..at]);
            (start, bytes) = (at, size(position));
        }
    }
    parts.push(&positions[start..]);
    parts
}

/// A sender that waits for room, until it gives up.
struct Listening<'a> {
    shared: &'a Arc<Shared>,
    channel: String,
    ear: Arc<QueueEar>,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.shared.wakes.unlisten(&self.channel, &self.ear);
    }
}

impl Broker for Redis {
    fn capability(&self) -> Capability {
        let can = Capability::NONE.durable().priorities().limits().transient_queues();
        let can = can.shared().leases();
        if self.shared.client.is_cluster() { can } else { can.deaths() }
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(self.publish_all(batch, limit))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.has_room(queue))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            self.shared.check_open("consume")?;
            let number = self.shared.consumers.fetch_add(1, Ordering::Relaxed);
            let shared = self.shared.clone();
            let consumer = RedisConsumer::new(shared, number, subscription.queues).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.shared.check_open("begin")?;
        if self.shared.client.is_cluster() {
            return Ok(());
        }
        let calls = self.shared.held.lock().begin(receipts, &self.shared.holder);
        if self.shared.beginnings.write(&calls) {
            return Ok(());
        }
        let context = format!("{}: there is no connection for it now", self.shared.client.shown());
        Err(Error::new(ErrorKind::Unreachable, "begin", context))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("settle")?;
            self.shared.settle(&batch, Back::Requeued).await
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.stats())
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.shared.check_open("purge")?;
            self.shared.departed().await;
            let purge = Call::script(&PURGE, &self.shared.keys.queue(queue));
            let purge = purge.arg(self.shared.keys.queue_channel(queue));
            reply::number(&self.shared.client.one("purge", purge).await?)
        })
    }

    fn store_id(&self) -> Option<StoreId> {
        self.one_with_itself()
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        Box::pin(self.advance_at_once(batch))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close_down())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Nobody is left who could close it: consumers and the keeper end.
        self.shared.wakes.close();
        drop(self.keeper.stop());
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.shared.client.shown())
            .finish_non_exhaustive()
    }
}
