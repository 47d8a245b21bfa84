//! The desk: the one actor that takes messages for this process' consumers,
//! and holds the session under which it does.
//!
//! A queue that gave less than was asked for is empty until a signal says
//! otherwise, or [`SAFETY`] has passed: an idle consumer asks nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::QueueName;
use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use jumpstarter::{Context, Reply, actor};

use super::consumer::Subscribed;
use super::holdings::{ConsumerId, Holdings, OnTheWay};
use super::publish::touch;
use super::settle::{Seen, give_back};
use super::take::{Share, take};
use crate::client::Client;
use crate::signals::{Look, SAFETY, Signal, Signals};
use crate::telling::Teller;

/// How often a lease is renewed while it lasts.
const RENEWALS: u32 = 3;

/// A new consumer.
pub(super) struct Subscribe(pub(super) Subscription);

/// A consumer that waits for messages.
pub(super) struct Pull {
    pub(super) consumer: ConsumerId,
    pub(super) credit: usize,
}

/// The answer to a [`Pull`].
pub(super) type Pulled = Result<OnTheWay<Vec<Delivery>>>;

/// Gives everything back, and the session up.
pub(crate) struct Close;

/// For so many renewals after a failure it is looked for what came of it: some
/// ten leases.
const LATE: u32 = 10 * RENEWALS;

/// It is time to renew the lease.
struct Renew;

/// Queues may have news that no signal told of.
struct LookAnyway;

struct Consumer {
    queues: Vec<QueueName>,
    /// Which queue is served first, so that all have their turn.
    turn: usize,
    waiting: Option<(usize, Reply<Pulled>)>,
}

/// Takes messages for this process' consumers.
pub(crate) struct Desk {
    client: Arc<Client>,
    teller: Teller,
    holdings: Arc<Holdings>,
    lease: Duration,
    consumers: BTreeMap<ConsumerId, Consumer>,
    /// The number of the next consumer; differs from those before a crash.
    next: u64,
    /// Queues that may hold messages.
    promising: BTreeSet<QueueName>,
    /// Whether a statement failed: what it did is not known.
    in_doubt: bool,
    /// At how many more renewals that is doubted again: what was asked of a server
    /// that did not answer may be done late.
    late: u32,
}

#[actor]
impl Desk {
    pub(crate) fn new(
        client: Arc<Client>,
        teller: Teller,
        holdings: Arc<Holdings>,
        lease: Duration,
    ) -> Self {
        let next = u64::from(rand::random::<u32>()) << 32;
        let (consumers, promising) = Default::default();
        let (in_doubt, late) = (true, 0);
        Self { client, teller, holdings, lease, consumers, next, promising, in_doubt, late }
    }

    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        ctx.schedule(self.lease / RENEWALS, Renew);
        ctx.schedule(SAFETY, LookAnyway);
    }

    #[handler]
    async fn subscribe(
        &mut self,
        Subscribe(subscription): Subscribe,
        ctx: &mut Context<Self>,
    ) -> Result<Subscribed> {
        let client = self.client.clone();
        let failed = |error| client.failed("consume", error);
        self.session().await.map_err(failed)?;
        let id = ConsumerId(self.next);
        let queues = subscription.queues;
        self.promising.extend(queues.iter().cloned());
        self.consumers.insert(id, Consumer { queues, turn: 0, waiting: None });
        self.next += 1;
        self.touch_transient().await.map_err(failed)?;
        self.signals().begin_consuming(ctx.address().recipient());
        Ok(Subscribed { id, holdings: self.holdings.clone(), signals: self.signals().clone() })
    }

    #[handler]
    fn pull(&mut self, pull: Pull, reply: Reply<Pulled>) {
        match self.consumers.get_mut(&pull.consumer) {
            Some(consumer) => consumer.waiting = Some((pull.credit, reply)),
            None => {
                let context = format!("{}: the consumer is to be built anew", self.client.place);
                reply.send(Err(Error::new(ErrorKind::Unreachable, "pull", context)));
            }
        }
    }

    #[handler]
    fn look(&mut self, _: Look) {}

    #[handler]
    fn look_anyway(&mut self, _: LookAnyway, ctx: &mut Context<Self>) {
        self.expect_all();
        ctx.schedule(SAFETY, LookAnyway);
    }

    #[handler]
    async fn renew(&mut self, _: Renew, ctx: &mut Context<Self>) {
        ctx.schedule(self.lease / RENEWALS, Renew);
        let Some(session) = self.holdings.session() else { return };
        let renewed = self.renew_session(session).await;
        match renewed {
            Ok(true) if self.late > 0 => {
                self.late -= 1;
                self.in_doubt = true;
            }
            Ok(true) => {}
            Ok(false) => self.lose_session(),
            Err(error) => {
                let place = &self.client.place;
                tracing::warn!(%error, %place, "the lease is not renewed; tried again");
            }
        }
    }

    #[handler]
    async fn close(&mut self, _: Close) {
        let all = self.holdings.all();
        self.consumers.clear();
        let Some(session) = self.holdings.session() else { return };
        let given_back = give_back(&self.client.loose, session, &all, Seen::Yes).await;
        // On the pool whose commits wait: so nothing before it can be lost.
        let end = sqlx::query("DELETE FROM session WHERE id = $1").bind(session);
        let ended = end.execute(&self.client.strict).await;
        self.holdings.lose_session();
        match given_back.and_then(|queues| ended.map(|_| queues)) {
            Ok(queues) => {
                queues.into_iter().for_each(|queue| self.teller.tell(Signal::Ready(queue)))
            }
            Err(error) => {
                let place = &self.client.place;
                tracing::warn!(%error, %place, "what was held comes when its lease expires");
            }
        }
    }

    /// Gives back what is to be given back, then serves who waits.
    #[after_batch]
    async fn serve(&mut self) {
        let served = self.give_back().await;
        match self.signals().news() {
            Some(queues) => self.promising.extend(queues),
            None => {
                // The server may have crashed, and forgotten acknowledgements.
                self.in_doubt = true;
                self.expect_all();
            }
        }
        let waiting = self.consumers.iter().filter(|(_, consumer)| {
            consumer.waiting.as_ref().is_some_and(|(_, reply)| !reply.is_closed())
        });
        let waiting = Vec::from_iter(waiting.map(|(id, _)| *id));
        if let Err(error) = served {
            tracing::warn!(%error, place = %self.client.place, "what was not taken is given back later");
        }
        for id in waiting {
            self.serve_one(id).await;
        }
    }

    async fn serve_one(&mut self, id: ConsumerId) {
        let taken = self.take_for(id).await;
        let Some(consumer) = self.consumers.get_mut(&id) else { return };
        if matches!(&taken, Ok(on_the_way) if on_the_way.is_empty()) {
            return;
        }
        if let Some((_, reply)) = consumer.waiting.take() {
            if taken.is_err() {
                (self.in_doubt, self.late) = (true, LATE);
            }
            reply.send(taken.map_err(|error| self.client.failed("pull", error)));
        }
    }

    /// Takes at most as much as the consumer waits for.
    async fn take_for(&mut self, id: ConsumerId) -> sqlx::Result<OnTheWay<Vec<Delivery>>> {
        let (holdings, signals) = (self.holdings.clone(), self.signals().clone());
        let nothing = || OnTheWay::new(Vec::new(), Vec::new(), &holdings, &signals);
        let Some(shares) = self.shares(id) else { return Ok(nothing()) };
        let session = self.session().await?;
        if self.in_doubt {
            self.reconcile(session).await?;
            self.in_doubt = false;
        }
        let credit = shares.iter().map(|share| share.messages).sum();
        let before = self.holdings.reserve(credit);
        let taken = take(&self.client.loose, session, before, &shares).await?;
        if taken.deliveries.is_empty() && !self.is_alive(session).await? {
            self.lose_session();
            self.signals().ring(|_| {});
            return Ok(nothing());
        }
        for share in &shares {
            if taken.count(&share.queue) < share.messages {
                self.promising.remove(&share.queue);
            }
        }
        let receipts = Vec::from_iter(taken.deliveries.iter().map(|delivery| delivery.receipt.0));
        self.holdings.open(session, &receipts, id);
        Ok(OnTheWay::new(taken.deliveries, receipts, &holdings, &signals))
    }

    /// How much to take from which queue: the credit in equal parts, from the
    /// queues that may hold something. `None` if there is none.
    fn shares(&mut self, id: ConsumerId) -> Option<Vec<Share>> {
        let consumer = self.consumers.get_mut(&id)?;
        let credit = consumer.waiting.as_ref()?.0;
        let promising = consumer.queues.iter().filter(|queue| self.promising.contains(*queue));
        let mut queues = Vec::from_iter(promising.cloned());
        if queues.is_empty() {
            return None;
        }
        consumer.turn = (consumer.turn + 1) % queues.len();
        queues.rotate_left(consumer.turn);
        queues.truncate(credit);
        let (each, more) = (credit / queues.len(), credit % queues.len());
        let share = |(place, queue)| Share { queue, messages: each + usize::from(place < more) };
        Some(queues.into_iter().enumerate().map(share).collect())
    }

    async fn give_back(&mut self) -> sqlx::Result<()> {
        let (given_back, left) = self.holdings.take_given_back();
        for consumer in &left {
            self.consumers.remove(consumer);
        }
        let Some(session) = self.holdings.session() else { return Ok(()) };
        for (receipts, seen) in [(&given_back.unhanded, Seen::No), (&given_back.handed, Seen::Yes)]
        {
            let receipts = Vec::from_iter(receipts.iter().copied().map(u64::cast_signed));
            let queues = give_back(&self.client.loose, session, &receipts, seen).await;
            let queues = queues.inspect_err(|_| self.holdings.try_again(&given_back, &left))?;
            self.holdings.end(&receipts);
            queues.into_iter().for_each(|queue| self.teller.tell(Signal::Ready(queue)));
        }
        Ok(())
    }

    /// The session, begun if there is none.
    async fn session(&mut self) -> sqlx::Result<i64> {
        if let Some(session) = self.holdings.session() {
            return Ok(session);
        }
        let begin = sqlx::query_scalar::<_, i64>(
            "INSERT INTO session (process, expires_at) VALUES \
             (current_setting('application_name'), now() + $1 * interval '1 millisecond') \
             RETURNING id",
        );
        let begin = begin.bind(lease_ms(self.lease));
        let session = begin.fetch_one(&self.client.strict).await?;
        self.holdings.begin_session(session);
        Ok(session)
    }

    /// Others have what was held, or will have it soon.
    fn lose_session(&self) {
        let (lost, place) = (self.holdings.lose_session(), &self.client.place);
        tracing::warn!(%place, lost, "the lease had expired: what was held goes to others");
    }

    async fn is_alive(&self, session: i64) -> sqlx::Result<bool> {
        let alive = "SELECT EXISTS (SELECT FROM session WHERE id = $1 AND expires_at > now())";
        sqlx::query_scalar(alive).bind(session).fetch_one(&self.client.loose).await
    }

    /// Renews the lease; whether it had not expired yet.
    async fn renew_session(&self, session: i64) -> sqlx::Result<bool> {
        let renew = sqlx::query(
            "UPDATE session SET expires_at = now() + $2 * interval '1 millisecond' \
             WHERE id = $1 AND expires_at > now()",
        );
        let renew = renew.bind(session).bind(lease_ms(self.lease));
        let renewed = renew.execute(&self.client.loose).await?;
        self.touch_transient().await?;
        Ok(renewed.rows_affected() > 0)
    }

    async fn touch_transient(&self) -> sqlx::Result<()> {
        let queues = self.consumers.values().flat_map(|consumer| &consumer.queues);
        let transient = queues.filter(|queue| queue.is_transient()).map(QueueName::as_str);
        let transient = BTreeSet::from_iter(transient);
        match transient.is_empty() {
            true => Ok(()),
            false => touch(&self.client.loose, &Vec::from_iter(transient)).await,
        }
    }

    /// After a statement whose end is not known, such as when the connection
    /// broke or the server crashed: what is held under the session and nobody
    /// here knows of goes back.
    async fn reconcile(&self, session: i64) -> sqlx::Result<()> {
        let known = self.holdings.all();
        let unknown = sqlx::query_scalar::<_, i64>(
            "SELECT receipt FROM leased WHERE session = $1 AND receipt <> ALL($2)",
        );
        let unknown = unknown.bind(session).bind(known).fetch_all(&self.client.loose).await?;
        // What is being acknowledged meanwhile is open still, or deleted.
        let queues = give_back(&self.client.loose, session, &unknown, Seen::Yes).await?;
        queues.into_iter().for_each(|queue| self.teller.tell(Signal::Ready(queue)));
        Ok(())
    }

    fn expect_all(&mut self) {
        let queues = self.consumers.values().flat_map(|consumer| &consumer.queues);
        self.promising.extend(queues.cloned());
    }

    fn signals(&self) -> &Arc<Signals> {
        &self.teller.signals
    }
}

/// As PostgreSQL multiplies intervals.
pub(crate) fn lease_ms(lease: Duration) -> f64 {
    lease.as_secs_f64() * 1000.0
}
