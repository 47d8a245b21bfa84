//! [`Consumer`]: takes from its queues in turn, and waits where nothing is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use celeriac_core::broker::{Delivery, Settlement, Undecodable};
use celeriac_core::error::Result;
use celeriac_core::taking::{self, Departures, Origin, Taken};
use celeriac_core::wire::Decoder;
use celeriac_core::{BoxFuture, Consumer, Error, ErrorKind, QueueName};
use futures_util::future::{join_all, select_all};
use futures_util::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use serde_json::json;

use crate::broker::Shared;
use crate::client::Client;
use crate::held::Entry;
use crate::name::PRIORITIES;
use crate::{ghosts, large, settling};

/// An empty answer is believed at so many times: the server confirms a message
/// a moment before it counts it.
const LOOKS: u8 = 2;
/// That moment.
const MOMENT: Duration = Duration::from_millis(1);

/// How often each priority of a queue is still looked at.
type Hope = [u8; PRIORITIES];

/// A queue that is consumed.
struct Source {
    name: QueueName,
    hope: Mutex<Hope>,
}

impl Source {
    fn is_hopeful(&self) -> bool {
        self.hope.lock().iter().any(|looks| *looks > 0)
    }

    /// Reads what was told: the priorities that have messages.
    fn hear(&self, priorities: &[u8]) {
        let mut hope = self.hope.lock();
        for priority in priorities {
            if let Some(looks) = hope.get_mut(usize::from(*priority)) {
                *looks = LOOKS;
            }
        }
    }

    /// The highest hopeful priority up to this one.
    fn highest(&self, below: usize) -> Option<usize> {
        let hope = self.hope.lock();
        (0..below).rev().find(|priority| hope[*priority] > 0)
    }
}

/// One consumer's end of the broker.
pub(crate) struct NatsConsumer {
    shared: Arc<Shared>,
    number: u64,
    sources: Arc<Vec<Source>>,
    /// What is told of each of them.
    wakes: Vec<Subscriber>,
    /// Where the next turn begins.
    turn: usize,
    /// When everything is looked at again, told or not.
    look: tokio::time::Instant,
}

impl NatsConsumer {
    /// Hears of its queues from here on.
    pub(crate) async fn new(
        shared: Arc<Shared>,
        number: u64,
        names: Vec<QueueName>,
    ) -> Result<Self> {
        let (mut sources, mut wakes) = (Vec::new(), Vec::new());
        for name in names {
            wakes.push(shared.client.subscribe("consume", shared.names.wake(&name)).await?);
            shared.ensure_consumers(&name).await?;
            sources.push(Source { name, hope: Mutex::new([LOOKS; PRIORITIES]) });
        }
        let look = tokio::time::Instant::now() + shared.options.period();
        Ok(Self { shared, number, sources: Arc::new(sources), wakes, turn: 0, look })
    }

    async fn pull_some(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        let shared = self.shared.clone();
        loop {
            let closing = shared.closing.notified();
            shared.check_open("pull")?;
            shared.departed().await;
            self.hear();
            let asked = self.asked(credit);
            if asked.is_empty() {
                tokio::select! {
                    () = closing => {}
                    () = self.wait() => {}
                }
                continue;
            }
            self.turn = self.turn.wrapping_add(1);
            let (taker, sources) = (shared.clone(), self.sources.clone());
            let number = self.number;
            let taking = |_| async move { take_from(&taker, &sources, number, &asked).await };
            let stopped = || stopped(&shared);
            let taken = taking::take(&shared, taking).await.ok_or_else(stopped)??;
            if !taken.is_empty() {
                return Ok(taken);
            }
            if self.sources.iter().any(Source::is_hopeful) {
                tokio::time::sleep(MOMENT).await;
            }
        }
    }

    /// Reads what was told already.
    fn hear(&mut self) {
        for (source, wake) in self.sources.iter().zip(&mut self.wakes) {
            while let Some(Some(told)) = wake.next().now_or_never() {
                source.hear(&told.payload);
            }
        }
    }

    /// Waits until something is told, or it is time to look.
    async fn wait(&mut self) {
        let told = async {
            if self.wakes.is_empty() {
                return std::future::pending().await;
            }
            let (told, at, _) =
                select_all(self.wakes.iter_mut().map(futures_util::StreamExt::next)).await;
            match told {
                Some(told) => self.sources[at].hear(&told.payload),
                // The connection has ended; looking says so.
                None => std::future::pending().await,
            }
        };
        if tokio::time::timeout_at(self.look, told).await.is_err() {
            self.look = tokio::time::Instant::now() + self.shared.options.period();
            for source in self.sources.iter() {
                for looks in source.hope.lock().iter_mut() {
                    *looks = (*looks).max(1);
                }
            }
        }
    }

    /// The queues that may have messages, with the share of the credit of each.
    fn asked(&self, credit: usize) -> Vec<(usize, usize)> {
        let count = self.sources.len();
        let in_turn = (0..count).map(|offset| (self.turn.wrapping_add(offset)) % count);
        let hopeful = in_turn.filter(|at| self.sources[*at].is_hopeful());
        let hopeful = Vec::from_iter(hopeful.take(credit));
        let share = (credit / hopeful.len().max(1)).max(1);
        hopeful.into_iter().map(|at| (at, share)).collect()
    }
}

fn stopped(shared: &Shared) -> Error {
    let context = format!("{}: it was stopped meanwhile", shared.client.shown());
    Error::new(ErrorKind::Unreachable, "pull", context)
}

impl Origin for Shared {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        let spawner = self.spawner.lock().clone();
        if let Some(spawner) = spawner {
            drop(spawner.spawn(future));
        }
    }

    fn give_back(&self, batch: Vec<Settlement>) -> BoxFuture<'_, ()> {
        Box::pin(async move { settle_or_forget(self, &batch).await })
    }

    fn departures(&self) -> &Departures {
        &self.departures
    }
}

async fn settle_or_forget(shared: &Shared, batch: &[Settlement]) {
    if let Err(error) = settling::settle(shared, batch).await {
        // Nobody renews it any more.
        shared.held.lock().settle(batch);
        tracing::warn!(%error, "what was not settled comes again after its lease");
    }
}

async fn take_from(
    shared: &Arc<Shared>,
    sources: &[Source],
    consumer: u64,
    asked: &[(usize, usize)],
) -> Result<Taken<Shared>> {
    let asking = asked.iter().map(|(at, share)| {
        let mut taken = Taken::new(shared);
        async move {
            let asked = take_of(shared, &mut taken, &sources[*at], consumer, *share).await;
            (taken, asked)
        }
    });
    let mut all = Taken::new(shared);
    let mut failed = None;
    for (mut taken, asked) in join_all(asking).await {
        all.deliveries().append(taken.deliveries());
        failed = failed.or(asked.err());
    }
    match failed {
        Some(error) if all.deliveries().is_empty() => Err(error),
        // The next pull tells.
        _ => Ok(all),
    }
}

/// Takes from one queue: the highest priority first.
async fn take_of(
    shared: &Shared,
    taken: &mut Taken<Shared>,
    source: &Source,
    consumer: u64,
    share: usize,
) -> Result<()> {
    let mut below = PRIORITIES;
    let mut left = share;
    while let Some(priority) = source.highest(below) {
        below = priority;
        let fetched = fetch(shared, source, priority, left).await?;
        if fetched.messages.is_empty() {
            let mut hope = source.hope.lock();
            hope[priority] = hope[priority].saturating_sub(1);
        }
        left -= fetched.messages.len().min(left);
        for message in fetched.messages {
            let delivery = enter(shared, source, priority, consumer, fetched.since, message);
            taken.deliveries().extend(delivery.await?);
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// When messages were asked for, and since when the server counts deliveries.
#[derive(Clone, Copy)]
struct Since {
    asked: Instant,
    counted: u64,
}

struct Fetched {
    since: Since,
    messages: Vec<(Position, Message)>,
}

/// Fetches what waits in a priority, in order of arrival.
async fn fetch(shared: &Shared, source: &Source, priority: usize, most: usize) -> Result<Fetched> {
    let asked = Instant::now();
    let stream = shared.names.stream(&source.name);
    let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{priority}");
    let request = Bytes::from(json!({ "batch": most, "no_wait": true }).to_string());
    let mut replies = shared.client.ask_many("pull", subject, request).await?;
    let mut messages: Vec<(Position, Message)> = Vec::new();
    while messages.len() < most {
        let message = match shared.client.next("pull", &mut replies).await {
            Ok(Some(message)) => message,
            // The rest comes again after its lease.
            Ok(None) | Err(_) if !messages.is_empty() => break,
            Ok(None) => return Err(shared.lost("pull")),
            // It said neither that there is something nor that there is nothing.
            Err(error) => match ghosts::lay(shared, &source.name, priority).await? {
                // What waits behind them comes now.
                true => {
                    source.hope.lock()[priority] = LOOKS;
                    break;
                }
                false => return Err(error),
            },
        };
        if Client::is_nobody(&message) {
            // A transient queue that was not used for long, or another's doing.
            shared.place.forget(&source.name);
            shared.ensure_consumers(&source.name).await?;
            break;
        }
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => {}
            Some(_) => break,
            None => messages.extend(Position::of(&message).map(|position| (position, message))),
        }
    }
    // What was given back out of order is put in order as far as it is here.
    messages.sort_by_key(|(position, _)| position.sequence);
    let counted = shared.counting.lock().since(&shared.client.server());
    Ok(Fetched { since: Since { asked, counted }, messages })
}

/// What the server says of a delivery, by the subject of its acknowledgement.
struct Position {
    delivered: u64,
    sequence: u64,
    /// When the message came, by the server's clock, in ns.
    stored: u64,
}

impl Position {
    fn of(message: &Message) -> Option<Self> {
        let mut tokens = message.reply.as_ref()?.split('.');
        // Since 2.10 there may be a domain and an account before the stream.
        let stream = if tokens.clone().count() > 9 { 4 } else { 2 };
        let mut number = |skipped: usize| tokens.nth(skipped)?.parse().ok();
        Some(Self { delivered: number(stream + 2)?, sequence: number(0)?, stored: number(1)? })
    }
}

async fn enter(
    shared: &Shared,
    source: &Source,
    priority: usize,
    consumer: u64,
    since: Since,
    (position, message): (Position, Message),
) -> Result<Option<Delivery>> {
    let Some(reply) = message.reply else { return Ok(None) };
    let queue = source.name.clone();
    let (bytes, part) = large::whole(shared, &queue, message.payload).await?;
    let payload = Decoder::new().decode(&bytes).map(Arc::new).map_err(|error| {
        let (queue, reason) = (queue.clone(), error.to_string());
        Box::new(Undecodable::new(queue, bytes.clone(), reason))
    });
    let entry = Entry {
        reply,
        queue,
        priority,
        sequence: position.sequence,
        consumer,
        part,
        since: Some(since.asked),
    };
    let receipt = shared.held.lock().enter(entry);
    let redelivered = position.delivered > 1 || position.stored < since.counted;
    Ok(Some(Delivery { receipt, redelivered, deaths: 0, payload }))
}

impl Consumer for NatsConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(self.pull_some(credit.max(1)))
    }
}

impl Drop for NatsConsumer {
    fn drop(&mut self) {
        let batch = self.shared.held.lock().of_consumer(Some(self.number));
        if batch.is_empty() {
            return;
        }
        let (shared, departure) = (self.shared.clone(), self.shared.departures.begin());
        self.shared.spawn(Box::pin(async move {
            settle_or_forget(&shared, &batch).await;
            drop(departure);
        }));
    }
}
