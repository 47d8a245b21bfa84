//! [`Consumer`]: takes from its queues in turn, and waits where nothing is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use celeriac_core::broker::{Delivery, Receipt, Settlement, Undecodable};
use celeriac_core::error::Result;
use celeriac_core::taking::{self, Departures, Origin, Taken};
use celeriac_core::wire::Decoder;
use celeriac_core::{BoxFuture, Consumer, Error, ErrorKind, QueueName};
use redis::Value;
use tokio::sync::Notify;

use crate::broker::Shared;
use crate::call::Call;
use crate::held::{Back, CHUNK};
use crate::reply;
use crate::script::TAKE;
use crate::wakes::QueueEar;

/// A queue that is consumed.
pub(crate) struct Source {
    pub(crate) name: QueueName,
    key: String,
    channel: String,
    ear: Arc<QueueEar>,
}

/// One consumer's end of the broker.
pub(crate) struct RedisConsumer {
    shared: Arc<Shared>,
    number: u64,
    sources: Arc<Vec<Source>>,
    notify: Arc<Notify>,
    /// Where the next turn begins.
    turn: usize,
}

impl RedisConsumer {
    /// Hears of its queues from here on.
    pub(crate) async fn new(
        shared: Arc<Shared>,
        number: u64,
        names: Vec<QueueName>,
    ) -> Result<Self> {
        let notify = Arc::new(Notify::new());
        let mut sources = Vec::with_capacity(names.len());
        for name in names {
            let (key, channel) = (shared.keys.queue(&name), shared.keys.queue_channel(&name));
            sources.push(Source { name, key, channel, ear: QueueEar::new(&notify) });
        }
        let consumer = Self { shared, number, sources: Arc::new(sources), notify, turn: 0 };
        for source in consumer.sources.iter() {
            consumer.shared.wakes.listen(&source.channel, &source.ear);
            consumer.shared.client.subscribe(&source.channel).await?;
        }
        Ok(consumer)
    }

    async fn pull_some(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        let shared = self.shared.clone();
        loop {
            shared.check_open("pull")?;
            shared.departed().await;
            let asked = self.asked(credit);
            if asked.is_empty() {
                self.notify.notified().await;
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
        }
    }

    /// The queues that may have messages, with the share of the credit of each.
    fn asked(&self, credit: usize) -> Vec<(usize, usize)> {
        let count = self.sources.len();
        let in_turn = (0..count).map(|offset| (self.turn + offset) % count);
        let hopeful = |at: &usize| self.sources[*at].ear.may_have_messages.load(Ordering::Acquire);
        let hopeful = Vec::from_iter(in_turn.filter(hopeful).take(credit));
        let share = (credit / hopeful.len().max(1)).clamp(1, CHUNK);
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
        Box::pin(async move { settle_or_disown(self, &batch, Back::Untouched).await })
    }

    fn departures(&self) -> &Departures {
        &self.departures
    }
}

async fn settle_or_disown(shared: &Shared, batch: &[Settlement], back: Back) {
    if let Err(error) = shared.settle(batch, back).await {
        // What this process does not give back it keeps, and nobody works on it.
        shared.disown(batch);
        tracing::warn!(%error, "what was not settled comes again later");
    }
}

async fn take_from(
    shared: &Arc<Shared>,
    sources: &[Source],
    consumer: u64,
    asked: &[(usize, usize)],
) -> Result<Taken<Shared>> {
    let mut calls = Vec::with_capacity(asked.len());
    for (at, share) in asked {
        let source = &sources[*at];
        // Whatever is published from here on is heard again.
        source.ear.may_have_messages.store(false, Ordering::Release);
        let call = Call::script(&TAKE, &source.key).arg(*share).arg(&shared.holder);
        calls.push(call.arg(&source.channel).arg(shared.life(&source.name)));
    }
    let answers = match shared.client.all("pull", calls).await {
        Ok(answers) => answers,
        Err(error) => {
            for (at, _) in asked {
                sources[*at].ear.may_have_messages.store(true, Ordering::Release);
            }
            return Err(error);
        }
    };
    let mut taken = Taken::new(shared);
    let mut decoder = Decoder::new();
    for ((at, _), answer) in asked.iter().zip(answers) {
        let source = &sources[*at];
        let mut values = reply::list(answer)?.into_iter();
        let Some(number) = values.next() else { continue };
        // There may be more.
        source.ear.may_have_messages.store(true, Ordering::Release);
        let number = reply::text(number)?;
        let place = (source.key.clone(), source.channel.clone());
        let first = shared.held.lock().enter(number, place, consumer, values.len());
        for (receipt, value) in (first.0..).map(Receipt).zip(values) {
            taken.deliveries().push(delivery(receipt, value, &source.name, &mut decoder));
        }
    }
    Ok(taken)
}

/// Reads an entry: priority, deaths with the mark of a redelivery, envelope.
fn delivery(receipt: Receipt, value: Value, queue: &QueueName, decoder: &mut Decoder) -> Delivery {
    let raw = reply::bytes(value).ok().flatten().unwrap_or_default();
    let state = raw.get(1).copied().unwrap_or_default();
    let envelope = raw.slice(raw.len().min(2)..);
    let payload = decoder.decode(&envelope).map(Arc::new).map_err(|error| {
        let (queue, reason) = (queue.clone(), error.to_string());
        Box::new(Undecodable::new(queue, envelope.clone(), reason))
    });
    let (redelivered, deaths) = (state & 0x80 != 0, u32::from(state & 0x7f));
    Delivery { receipt, redelivered, deaths, payload }
}

impl Consumer for RedisConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(self.pull_some(credit.max(1)))
    }
}

impl Drop for RedisConsumer {
    fn drop(&mut self) {
        let unlisten = |source: &&Source| self.shared.wakes.unlisten(&source.channel, &source.ear);
        let silent = self.sources.iter().filter(unlisten).map(|source| source.channel.clone());
        let silent: Vec<String> = silent.collect();
        let batch = self.shared.held.lock().of_consumer(Some(self.number));
        if batch.is_empty() && silent.is_empty() {
            return;
        }
        let (shared, departure) = (self.shared.clone(), self.shared.departures.begin());
        self.shared.spawn(Box::pin(async move {
            settle_or_disown(&shared, &batch, Back::Requeued).await;
            drop(departure);
            for channel in &silent {
                if !shared.wakes.is_listening(channel) {
                    // A channel that nobody listens to costs the server little.
                    let _ = shared.client.unsubscribe(channel).await;
                }
            }
        }));
    }
}
