//! [`Consumer`]: a pull consumes for as long as it lasts.
//!
//! A pull begins a consumer on each of its queues, with its credit as the
//! prefetch, waits for the first message, and cancels them. The server answers
//! a cancel after what it had sent before, so that then it is known what came.
//! Nothing is ever fetched that was not asked for, and what waits can be taken
//! by others, by priority.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Undecodable};
use celeriac_core::error::Result;
use celeriac_core::taking::{self, Caller, Origin as _, Taken};
use celeriac_core::wire::Decoder;
use celeriac_core::{BoxFuture, Consumer, QueueName};
use futures_util::FutureExt as _;
use futures_util::future::join;
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _, select_all};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::handover::hand_over;
use crate::link::Link;
use crate::names;
use crate::shared::Shared;

/// If so many come at once, more are on their way.
const MANY: usize = 32;
/// What comes in a row has no longer pauses.
const PAUSE: Duration = Duration::from_millis(2);
/// For how long the first of them waits for the others.
const AT_MOST: Duration = Duration::from_millis(20);

/// One consumer's end of the broker.
pub(crate) struct AmqpConsumer {
    tap: Arc<Tap>,
    /// Where the next turn begins.
    turn: usize,
}

/// What a consumer and its takings have in common; what is held goes back when
/// the last of them is gone.
struct Tap {
    shared: Arc<Shared>,
    queues: Vec<QueueName>,
    /// Their names on the server.
    names: Vec<ShortString>,
    link: Mutex<Option<Arc<Link>>>,
}

impl AmqpConsumer {
    /// A consumer whose queues are there.
    pub(crate) async fn new(shared: Arc<Shared>, queues: Vec<QueueName>) -> Result<Self> {
        let full_name = |queue: &QueueName| shared.client.full_name(queue.as_str());
        let names = queues.iter().map(full_name).collect::<Result<_>>()?;
        let tap = Arc::new(Tap { shared, queues, names, link: Mutex::default() });
        tap.link().await?;
        Ok(Self { tap, turn: 0 })
    }

    async fn pull_some(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        loop {
            let shared = &self.tap.shared;
            shared.check_open("pull")?;
            shared.departures().over().await;
            self.turn = self.turn.wrapping_add(1);
            let (tap, turn) = (self.tap.clone(), self.turn);
            let taking = |caller| async move {
                let link = tap.link().await?;
                Pull { tap, link, turn, credit }.take(caller).await
            };
            let stopped = || shared.client.unreachable("pull", "it was stopped meanwhile");
            let taken = taking::take(shared, taking).await.ok_or_else(stopped)??;
            if !taken.is_empty() {
                return Ok(taken);
            }
        }
    }
}

impl Tap {
    /// The channel; a new one if it is broken, with its queues declared.
    async fn link(&self) -> Result<Arc<Link>> {
        let broken = self.link.lock().take_if(|link| !link.is_usable());
        if let Some(broken) = broken {
            self.shared.unlink(&broken);
            for queue in &self.queues {
                // The channel may have ended because a queue was gone.
                broken.live.forget(queue);
            }
        }
        let current = self.link.lock().clone();
        let link = match current {
            Some(link) => link,
            None => self.shared.link().await?,
        };
        *self.link.lock() = Some(link.clone());
        for queue in &self.queues {
            self.shared.client.declare("pull", &link.live, queue).await?;
            names::note(&self.shared, &link.live, queue).await;
        }
        Ok(link)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let Some(link) = self.link.lock().take() else { return };
        self.shared.unlink(&link);
        let departure = self.shared.departures().begin();
        self.shared.spawn(Box::pin(async move {
            // What it held goes back with its channel; or went with the connection.
            link.live.done_with(link.channel.clone()).await;
            drop(departure);
        }));
    }
}

/// One pull, through a channel that was usable when it began.
struct Pull {
    tap: Arc<Tap>,
    link: Arc<Link>,
    turn: usize,
    credit: usize,
}

/// A message, and the position of the queue that it came from.
type Arrival = (usize, lapin::Result<lapin::message::Delivery>);
type Arrivals = SelectAll<BoxStream<'static, Arrival>>;

impl Pull {
    /// Waits for messages; ends with none when the caller is gone.
    async fn take(self, mut caller: Caller) -> Result<Taken<Shared>> {
        let shared = &self.tap.shared;
        let mut taken = tokio::select! {
            biased;
            taken = self.wait(&mut caller) => taken?,
            error = self.link.live.lost() => return Err(shared.client.failed("pull")(error)),
        };
        // In the order in which they came.
        let deliveries = taken.deliveries();
        deliveries.sort_by_key(|delivery| delivery.receipt);
        // Only with more queues than credit.
        let too_many = deliveries.split_off(self.credit.min(deliveries.len()));
        shared.give_back(taking::requeue(&too_many)).await;
        Ok(taken)
    }

    async fn wait(&self, caller: &mut Caller) -> Result<Taken<Shared>> {
        let shared = &self.tap.shared;
        let failed = shared.client.failed("pull");
        let mut closed = shared.closed.subscribe();
        let tags = self.tags();
        // A cancel that the server reads before it has answered the consume
        // crashes its channel (3.10): it is sent after the answer.
        let (prefetched, consumers) = join(self.prefetch(), self.consume(&tags)).await;
        let mut arrivals = arrivals(consumers);
        let first = tokio::select! {
            first = arrivals.next() => first,
            () = caller.gone() => None,
            _ = closed.wait_for(|closed| *closed) => return Err(shared.closed_error("pull")),
        };
        let early = self.gather(&mut arrivals, first).await;
        let cancelled = self.cancel(&tags).await;
        // Also when the caller is gone: what came until the cancel goes back.
        let mut taken = Taken::new(shared);
        let mut decoder = Decoder::new();
        let mut all = futures_util::stream::iter(early).chain(arrivals);
        while let Some((at, arrival)) = all.next().await {
            let delivery = self.enter(at, arrival.map_err(&failed)?, &mut decoder);
            taken.deliveries().push(delivery);
        }
        prefetched.and(cancelled).map_err(&failed)?;
        Ok(taken)
    }

    /// What comes before the cancel. Where many wait, as much as was asked for: a server
    /// that is told to cancel gives no more than it had under way, which is 400 of them.
    async fn gather(&self, arrivals: &mut Arrivals, first: Option<Arrival>) -> Vec<Arrival> {
        let mut early = Vec::from_iter(first);
        let end = Instant::now() + AT_MOST;
        while !early.is_empty() && early.len() < self.credit {
            let next = match arrivals.next().now_or_never() {
                Some(next) => next,
                None if early.len() < MANY => None,
                None => {
                    let pause = end.min(Instant::now() + PAUSE);
                    timeout_at(pause, arrivals.next()).await.unwrap_or(None)
                }
            };
            let Some(next) = next else { break };
            early.push(next);
        }
        early
    }

    /// A tag for each queue, in turn; no two consumers of a channel share one.
    fn tags(&self) -> Vec<(usize, ShortString)> {
        let (pulls, count) = (self.link.begin_pull(), self.tap.queues.len());
        let in_turn = (0..count).map(|offset| self.turn.wrapping_add(offset) % count);
        in_turn.map(|at| (at, format!("{pulls}-{at}").into())).collect()
    }

    /// Each queue has its share of the credit.
    async fn prefetch(&self) -> lapin::Result<()> {
        let share = (self.credit / self.tap.queues.len().max(1)).max(1);
        let share = u16::try_from(share).unwrap_or(u16::MAX);
        self.link.channel.basic_qos(share, BasicQosOptions::default()).await
    }

    async fn consume(
        &self,
        tags: &[(usize, ShortString)],
    ) -> Vec<(usize, lapin::Result<lapin::Consumer>)> {
        let consuming = tags.iter().map(|(at, tag)| async move {
            let name = self.tap.names[*at].clone();
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            (*at, self.link.channel.basic_consume(name, tag.clone(), options, arguments).await)
        });
        hand_over(consuming).await
    }

    async fn cancel(&self, tags: &[(usize, ShortString)]) -> lapin::Result<()> {
        let cancelling = tags.iter().map(|(_, tag)| {
            self.link.channel.basic_cancel(tag.clone(), BasicCancelOptions::default())
        });
        hand_over(cancelling).await.into_iter().collect()
    }

    fn enter(
        &self,
        at: usize,
        arrival: lapin::message::Delivery,
        decoder: &mut Decoder,
    ) -> Delivery {
        let queue = &self.tap.queues[at];
        let receipt = self.link.hold(arrival.delivery_tag, queue);
        let envelope = bytes::Bytes::from(arrival.data);
        let payload = decoder.decode(&envelope).map(Arc::new).map_err(|error| {
            let (queue, reason) = (queue.clone(), error.to_string());
            Box::new(Undecodable::new(queue, envelope.clone(), reason))
        });
        Delivery { receipt, redelivered: arrival.redelivered, deaths: 0, payload }
    }
}

/// One stream of all that comes; a consumer that was refused is an arrival
/// that failed.
fn arrivals(consumers: Vec<(usize, lapin::Result<lapin::Consumer>)>) -> Arrivals {
    let streams = consumers.into_iter().map(|(at, consumer)| match consumer {
        Ok(consumer) => consumer.map(move |arrival| (at, arrival)).boxed(),
        Err(error) => futures_util::stream::iter([(at, Err(error))]).boxed(),
    });
    select_all(streams)
}

impl Consumer for AmqpConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let pulled = self.pull_some(credit.max(1)).await;
            // A close may break what is under way before it is noticed here.
            pulled.map_err(|error| match self.tap.shared.check_open("pull") {
                Ok(()) => error,
                Err(closed) => closed,
            })
        })
    }
}
