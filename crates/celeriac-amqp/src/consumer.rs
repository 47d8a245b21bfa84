//! [`Consumer`]: a pull consumes for as long as it lasts.
//!
//! A pull begins a consumer on each of its queues, with its credit as the
//! prefetch, waits for the first message, and cancels them. The server answers
//! a cancel after what it had sent before, so that then it is known what came.
//! Nothing is ever fetched that was not asked for, and what waits can be taken
//! by others, by priority.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Receipt, Settlement, Undecodable, Verdict};
use celeriac_core::error::Result;
use celeriac_core::wire::Decoder;
use celeriac_core::{BoxFuture, Consumer, MessageId, QueueName};
use futures_util::future::try_join_all;
use futures_util::stream::{SelectAll, StreamExt as _, select_all};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::departures::Departure;
use crate::link::Link;
use crate::names;
use crate::shared::Shared;

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
    link: Mutex<Option<Arc<Link>>>,
}

impl AmqpConsumer {
    /// A consumer whose queues are there.
    pub(crate) async fn new(shared: Arc<Shared>, queues: Vec<QueueName>) -> Result<Self> {
        let tap = Arc::new(Tap { shared, queues, link: Mutex::default() });
        tap.link().await?;
        Ok(Self { tap, turn: 0 })
    }

    async fn pull_some(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        loop {
            self.tap.shared.check_open("pull")?;
            self.tap.shared.departures.over().await;
            self.turn = self.turn.wrapping_add(1);
            let taken = self.take(credit).await?;
            if !taken.deliveries.is_empty() {
                return Ok(taken.keep());
            }
        }
    }

    /// Takes from the queues. The taking goes on if the caller does not: what
    /// comes then goes back.
    async fn take(&self, credit: usize) -> Result<Taken> {
        let shared = &self.tap.shared;
        let (mut answer, taken) = oneshot::channel();
        let mut asking = Asking { shared, taken, late: Late::default() };
        let late = asking.late.clone();
        let (tap, turn) = (self.tap.clone(), self.turn);
        shared.spawn(Box::pin(async move {
            let result = take_from(&tap, turn, credit, &mut answer).await;
            if let Err(Ok(taken)) = answer.send(result) {
                give_back(&tap.shared, &taken.keep()).await;
            }
            drop(tap);
            drop(late);
        }));
        let taken = (&mut asking.taken).await;
        taken.map_err(|_| shared.client.unreachable("pull", "it was stopped meanwhile"))?
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
            names::note(&self.shared, &link.live, "pull", queue).await?;
        }
        Ok(link)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let Some(link) = self.link.lock().take() else { return };
        self.shared.unlink(&link);
        let departure = self.shared.departures.begin();
        self.shared.spawn(Box::pin(async move {
            // What it held goes back with its channel; or went with the connection.
            let _ = link.channel.close(200, "the consumer is done".into()).await;
            drop(departure);
        }));
    }
}

/// What is still under way after its caller gave up: others wait for its end.
type Late = Arc<Mutex<Option<Departure>>>;

/// A caller who waits for what is taken.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    taken: oneshot::Receiver<Result<Taken>>,
    late: Late,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // If the taking has ended, nobody else holds this, and nobody waits.
        *self.late.lock() = Some(self.shared.departures.begin());
    }
}

/// Deliveries that nobody has seen yet; dropped, they go back.
struct Taken {
    shared: Arc<Shared>,
    deliveries: Vec<Delivery>,
}

impl Taken {
    fn keep(mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let deliveries = std::mem::take(&mut self.deliveries);
        if deliveries.is_empty() {
            return;
        }
        let (shared, departure) = (self.shared.clone(), self.shared.departures.begin());
        self.shared.spawn(Box::pin(async move {
            give_back(&shared, &deliveries).await;
            drop(departure);
        }));
    }
}

async fn give_back(shared: &Shared, deliveries: &[Delivery]) {
    let requeue =
        |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Requeue };
    let batch = Vec::from_iter(deliveries.iter().map(requeue));
    if let Err(error) = shared.settle(&batch).await {
        tracing::debug!(%error, "what was not settled went back with its channel");
    }
}

type Arrivals = SelectAll<futures_util::stream::BoxStream<'static, Arrival>>;
/// A message, and the position of the queue that it came from.
type Arrival = (usize, lapin::Result<lapin::message::Delivery>);

/// Waits for messages; ends with none when the caller is gone.
async fn take_from(
    tap: &Tap,
    turn: usize,
    credit: usize,
    caller: &mut oneshot::Sender<Result<Taken>>,
) -> Result<Taken> {
    let Tap { shared, queues, .. } = tap;
    let link = tap.link().await?;
    let failed = shared.client.failed("pull");
    let mut closed = shared.closed.subscribe();
    let mut taken = Taken { shared: shared.clone(), deliveries: Vec::new() };
    let (tags, mut arrivals) = begin(shared, &link, queues, turn, credit).await.map_err(&failed)?;
    let first = tokio::select! {
        first = arrivals.next() => first,
        () = caller.closed() => None,
        _ = closed.wait_for(|closed| *closed) => return Err(shared.closed_error("pull")),
    };
    let cancels =
        tags.into_iter().map(|tag| link.channel.basic_cancel(tag, BasicCancelOptions::default()));
    let cancelled = try_join_all(cancels).await;
    // Also when the caller is gone: what came until the cancel goes back.
    let mut decoder = Decoder::new();
    let mut all = futures_util::stream::iter(first).chain(arrivals);
    while let Some((at, arrival)) = all.next().await {
        let arrival = arrival.map_err(&failed)?;
        let receipt = link.hold(arrival.delivery_tag, &queues[at]);
        taken.deliveries.push(delivery(receipt, arrival, &queues[at], &mut decoder));
    }
    cancelled.map_err(&failed)?;
    // In the order in which they came.
    taken.deliveries.sort_by_key(|delivery| delivery.receipt);
    // Only with more queues than credit.
    let too_many = taken.deliveries.split_off(credit.min(taken.deliveries.len()));
    give_back(shared, &too_many).await;
    Ok(taken)
}

/// Begins to consume each queue, for its share of the credit.
async fn begin(
    shared: &Shared,
    link: &Link,
    queues: &[QueueName],
    turn: usize,
    credit: usize,
) -> lapin::Result<(Vec<ShortString>, Arrivals)> {
    let share = (credit / queues.len().max(1)).max(1);
    let share = u16::try_from(share).unwrap_or(u16::MAX);
    link.channel.basic_qos(share, BasicQosOptions::default()).await?;
    let in_turn = (0..queues.len()).map(|offset| (turn + offset) % queues.len());
    let consuming = in_turn.map(|at| async move {
        let tag = ShortString::from(format!("{turn}-{at}"));
        let name = format!("{}.{}", shared.client.prefix(), queues[at]).into();
        let options = BasicConsumeOptions::default();
        let consumer =
            link.channel.basic_consume(name, tag.clone(), options, FieldTable::default()).await?;
        lapin::Result::Ok((tag, consumer.map(move |arrival| (at, arrival)).boxed()))
    });
    let (tags, streams): (Vec<_>, Vec<_>) = try_join_all(consuming).await?.into_iter().unzip();
    Ok((tags, select_all(streams)))
}

fn delivery(
    receipt: Receipt,
    arrival: lapin::message::Delivery,
    queue: &QueueName,
    decoder: &mut Decoder,
) -> Delivery {
    let envelope = bytes::Bytes::from(arrival.data);
    let payload = decoder.decode(&envelope).map(Arc::new).map_err(|error| {
        let (queue, reason) = (queue.clone(), error.to_string());
        Box::new(Undecodable { id: id_of(&envelope), queue, raw: envelope.clone(), reason })
    });
    Delivery { receipt, redelivered: arrival.redelivered, deaths: 0, payload }
}

/// The same bytes get the same id: they may be delivered again.
fn id_of(bytes: &[u8]) -> MessageId {
    use std::hash::{DefaultHasher, Hasher as _};
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(seed);
        hasher.write(bytes);
        u128::from(hasher.finish())
    };
    MessageId::from_bytes((half(0) << 64 | half(1)).to_be_bytes())
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
