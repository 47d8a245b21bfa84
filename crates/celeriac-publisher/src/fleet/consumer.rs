//! The fleet's consumer: takes from every broker that is up, in turn, and
//! looks again and again for those that are not.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Broker as _, Consumer, Error, ErrorKind};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::Shared;
use super::turns::Turn;

/// How long a broker may take to give a consumer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a broker that was lost is left alone at first, and at the most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

static CONSUMERS: AtomicU64 = AtomicU64::new(1);

pub(super) struct FleetConsumer {
    shared: Arc<Shared>,
    subscription: Subscription,
    id: u64,
    members: Vec<Member>,
    /// Whose pull is polled first.
    first: usize,
    began: Instant,
}

/// One broker of the fleet.
struct Member {
    broker: usize,
    consumer: State,
    turn: Turn,
}

enum State {
    Up(Box<dyn Consumer>),
    /// It is asked for a new one, after such a pause. That goes on from pull to
    /// pull: others that have much to give must not end it.
    Lost {
        opening: Opening,
        pause: Duration,
    },
}

type Opening = BoxFuture<'static, Result<Box<dyn Consumer>>>;

/// What ends a pull.
enum Event {
    Pulled(Result<Vec<Delivery>>),
    Opened(Result<Box<dyn Consumer>>),
}

/// Consumes from all that are up; at least one must be.
pub(super) async fn open(
    shared: &Arc<Shared>,
    subscription: Subscription,
) -> Result<Box<dyn Consumer>> {
    shared.check_open("consume")?;
    let opening = (0..shared.couriers.len()).map(|at| consume(shared, at, &subscription));
    let (mut members, mut lost) = (Vec::new(), None);
    for (broker, opened) in join_all(opening).await.into_iter().enumerate() {
        let consumer = match opened {
            Ok(consumer) => State::Up(consumer),
            Err(error) if error.is_retryable() => {
                let name = shared.couriers[broker].name();
                tracing::warn!(broker = name, %error, "nothing comes from a broker: it is down");
                lost = Some(error);
                State::lost(shared, broker, &subscription, FIRST_PAUSE)
            }
            Err(error) => return Err(error),
        };
        members.push(Member { broker, consumer, turn: Turn::default() });
    }
    match lost {
        Some(error) if members.iter().all(|member| member.is_lost()) => Err(error),
        _ => Ok(Box::new(FleetConsumer {
            shared: shared.clone(),
            subscription,
            id: CONSUMERS.fetch_add(1, Ordering::Relaxed),
            members,
            first: 0,
            began: Instant::now(),
        })),
    }
}

async fn consume(
    shared: &Shared,
    broker: usize,
    subscription: &Subscription,
) -> Result<Box<dyn Consumer>> {
    let courier = &shared.couriers[broker];
    match timeout(PATIENCE, courier.consume(subscription.clone())).await {
        Ok(consumer) => consumer,
        Err(_) => {
            let context =
                format!("the broker `{}` gave no consumer in {PATIENCE:?}", courier.name());
            Err(Error::new(ErrorKind::Timeout, "consume", context))
        }
    }
}

impl State {
    fn lost(
        shared: &Arc<Shared>,
        broker: usize,
        subscription: &Subscription,
        pause: Duration,
    ) -> Self {
        let (shared, subscription) = (shared.clone(), subscription.clone());
        let opening = Box::pin(async move {
            sleep(pause).await;
            consume(&shared, broker, &subscription).await
        });
        Self::Lost { opening, pause }
    }
}

impl Member {
    const fn is_lost(&self) -> bool {
        matches!(self.consumer, State::Lost { .. })
    }

    /// Pulls; or waits, and then asks for a new consumer.
    async fn event(&mut self, credit: usize) -> Event {
        match &mut self.consumer {
            State::Up(consumer) => Event::Pulled(consumer.pull(credit).await),
            State::Lost { opening, .. } => Event::Opened(opening.await),
        }
    }
}

impl FleetConsumer {
    /// What the first broker has to say; each gets to speak. Cancel-safe, as
    /// the pulls are.
    async fn next(&mut self, credit: usize) -> (usize, Event) {
        let now = Instant::now();
        let since = |at: Instant| at.duration_since(self.began);
        let due = |member: &Member| !member.is_lost() && member.turn.is_due(since(now));
        let count = self.members.len();
        let order = (0..count).map(|step| (self.first + step) % count);
        let favoured = order.clone().find(|at| due(&self.members[*at]));
        let lengths = favoured.map(|at| self.members[at].turn.length);

        // Each gets its share, so that a long queue of one can't fill it all.
        let up = self.members.iter().filter(|member| !member.is_lost()).count();
        let share = credit.div_ceil(up.max(1));
        let mut slots: Vec<_> = self.members.iter_mut().map(Some).collect();
        let mut events: Vec<(usize, BoxFuture<'_, Event>)> = Vec::with_capacity(count);
        for at in favoured.into_iter().chain(order) {
            if let Some(member) = slots[at].take() {
                events.push((at, Box::pin(member.event(share))));
            }
        }
        let mut in_vain = None;
        if let (Some(length), Some((at, event))) = (lengths, events.first_mut()) {
            match timeout(length, event).await {
                Ok(event) => return (*at, event),
                Err(_) => in_vain = Some(*at),
            }
        }
        let (at, event) = race(&mut events).await;
        drop(events);
        self.note(at, in_vain, now);
        (at, event)
    }

    fn note(&mut self, winner: usize, in_vain: Option<usize>, pulled_at: Instant) {
        let (now, waited) = (self.began.elapsed(), pulled_at.elapsed());
        for (at, member) in self.members.iter_mut().enumerate() {
            if in_vain == Some(at) {
                member.turn.was_in_vain(now);
            }
            if at != winner {
                member.turn.lost_after(waited);
            }
        }
    }

    /// Takes what a broker has said; nothing if it was no delivery.
    fn take(&mut self, at: usize, event: Event) -> Result<Option<Vec<Delivery>>> {
        self.first = (at + 1) % self.members.len();
        let member = &mut self.members[at];
        let courier = &self.shared.couriers[member.broker];
        let error = match event {
            Event::Pulled(Ok(mut deliveries)) => {
                member.turn.won();
                self.shared.receipts.lock().enter(member.broker, self.id, &mut deliveries);
                return Ok(Some(deliveries));
            }
            Event::Opened(Ok(consumer)) => {
                tracing::info!(broker = courier.name(), "a broker is consumed from again");
                member.consumer = State::Up(consumer);
                return Ok(None);
            }
            Event::Pulled(Err(error)) | Event::Opened(Err(error)) => error,
        };
        self.shared.check_open("pull")?;
        courier.desk.suspect(&error);
        let pause = match member.consumer {
            State::Up(_) => {
                tracing::warn!(broker = courier.name(), %error, "a broker was lost; others go on");
                self.shared.receipts.lock().lost(self.id, Some(member.broker));
                FIRST_PAUSE
            }
            State::Lost { pause, .. } => (pause * 2).min(MAX_PAUSE),
        };
        member.consumer = State::lost(&self.shared, member.broker, &self.subscription, pause);
        Ok(None)
    }
}

/// The first of these that is ready, asked in their order.
async fn race(events: &mut [(usize, BoxFuture<'_, Event>)]) -> (usize, Event) {
    poll_fn(|cx| {
        for (at, event) in events.iter_mut() {
            if let Poll::Ready(event) = Pin::new(event).poll(cx) {
                return Poll::Ready((*at, event));
            }
        }
        Poll::Pending
    })
    .await
}

impl Consumer for FleetConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            loop {
                self.shared.check_open("pull")?;
                let (at, event) = self.next(credit).await;
                if let Some(deliveries) = self.take(at, event)? {
                    return Ok(deliveries);
                }
            }
        })
    }
}

impl Drop for FleetConsumer {
    fn drop(&mut self) {
        self.shared.receipts.lock().lost(self.id, None);
    }
}
