//! Typed streams: back-pressure, counted loss, pipes, and how long they live.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use jumpstarter::{
    Address, Context, Delivery, Dependency, Flow, Injector, Options, Subscription, System,
    TaskContext, actor,
};
use tokio::sync::mpsc;

use crate::probe::Probe;

#[derive(Clone, Debug, PartialEq)]
struct Price(u64);
#[derive(Clone, Debug, PartialEq)]
struct Alert(&'static str);

struct Market;

struct Trade(u64);
struct Warn(&'static str);
struct Restart;

#[actor(streams(Price, Alert))]
impl Market {
    #[handler]
    async fn trade(&mut self, m: Trade, ctx: &mut Context<Self>) -> usize {
        ctx.publish(Price(m.0)).await
    }

    #[handler]
    async fn warn(&mut self, m: Warn, ctx: &mut Context<Self>) -> usize {
        ctx.publish(Alert(m.0)).await
    }

    #[handler]
    fn restart(&mut self, _m: Restart, ctx: &mut Context<Self>) {
        ctx.restart_self();
    }
}

const TWO: Delivery = Delivery::BackPressure { room: 2 };

fn market(system: &System) -> Address<Market> {
    system.spawn("market", Options::default(), || Market)
}

#[tokio::test]
async fn each_subscriber_gets_the_items_of_its_type_in_order() {
    let system = System::new("test");
    let market = market(&system);
    assert_eq!(market.ask(Trade(1)).await, Ok(0));
    let mut first = market.subscribe::<Price>(Delivery::BackPressure { room: 8 });
    assert_eq!(market.ask(Trade(2)).await, Ok(1));
    let second = market.subscribe::<Price>(Delivery::Lossy { room: 8 });
    let mut alerts = market.subscribe::<Alert>(TWO);
    assert_eq!(market.ask(Trade(3)).await, Ok(2));
    assert_eq!(market.ask(Warn("crash")).await, Ok(1));
    assert_eq!(first.next().await, Some(Price(2)));
    assert_eq!(first.try_next(), Some(Price(3)));
    assert_eq!(first.try_next(), None);
    assert_eq!(alerts.next().await, Some(Alert("crash")));
    market.stop().await;
    assert_eq!(first.next().await, None);
    // What waits is read before the end; it is a `Stream`, too.
    assert_eq!(second.collect::<Vec<_>>().await, [Price(3)]);
}

#[tokio::test]
async fn the_publisher_waits_for_the_slowest_with_back_pressure_only() {
    let system = System::new("test");
    let market = market(&system);
    let mut slow = market.subscribe::<Price>(TWO);
    let mut quick = market.subscribe::<Price>(Delivery::BackPressure { room: 3 });
    let mut lossy = market.subscribe::<Price>(Delivery::Lossy { room: 1 });
    assert_eq!(market.ask(Trade(1)).await, Ok(3));
    assert_eq!(market.ask(Trade(2)).await, Ok(3));
    let mut third = Box::pin(market.ask(Trade(3)));
    for _ in 0..10 {
        assert!((&mut third).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(quick.next().await, Some(Price(1)));
    assert!((&mut third).now_or_never().is_none(), "quick is not the slowest");
    assert_eq!(slow.next().await, Some(Price(1)));
    assert_eq!(third.await, Ok(3));
    assert_eq!(lossy.missed(), 2);
    assert_eq!(lossy.next().await, Some(Price(3)));
    assert_eq!((slow.missed(), quick.missed()), (0, 0));
}

#[tokio::test]
async fn a_lossy_one_loses_the_oldest_and_counts_them() {
    let system = System::new("test");
    let market = market(&system);
    let mut lossy = market.subscribe::<Price>(Delivery::Lossy { room: 2 });
    for n in 1..=10 {
        market.ask(Trade(n)).await.unwrap();
    }
    assert_eq!(lossy.missed(), 8);
    assert_eq!(lossy.next().await, Some(Price(9)));
    assert_eq!(lossy.next().await, Some(Price(10)));
    assert_eq!(lossy.missed(), 8);
}

#[tokio::test]
async fn a_dropped_subscription_frees_the_publisher() {
    let system = System::new("test");
    let market = market(&system);
    let never_read = market.subscribe::<Price>(Delivery::BackPressure { room: 1 });
    assert_eq!(market.ask(Trade(1)).await, Ok(1));
    let mut second = Box::pin(market.ask(Trade(2)));
    for _ in 0..10 {
        assert!((&mut second).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(never_read);
    assert_eq!(second.await, Ok(0));
}

#[tokio::test]
async fn subscriptions_outlive_a_restart_but_not_the_actor() {
    let system = System::new("test");
    let market = market(&system);
    let mut prices = market.subscribe::<Price>(TWO);
    market.ask(Restart).await.unwrap();
    market.ask(Trade(1)).await.unwrap();
    assert_eq!(market.snapshot().restarts, 1);
    assert_eq!(prices.next().await, Some(Price(1)));
    market.kill().await;
    assert_eq!(prices.next().await, None);
    assert_eq!(market.subscribe::<Price>(TWO).next().await, None);
}

struct Ticker {
    gate: mpsc::UnboundedSender<usize>,
}

#[actor(streams(Price))]
impl Ticker {
    #[task(concurrent, every = "1s")]
    async fn tick(ctx: TaskContext<Self>) {
        let reached = ctx.publish(Price(7)).await;
        let ticker = ctx.address();
        let _ = ticker.ask(Tell(reached)).await;
    }

    #[handler]
    fn told(&mut self, m: Tell) {
        let _ = self.gate.send(m.0);
    }
}

struct Tell(usize);

#[tokio::test(start_paused = true)]
async fn concurrent_tasks_publish_as_well() {
    let system = System::new("test");
    let (gate, mut told) = mpsc::unbounded_channel();
    let ticker = system.spawn("ticker", Options::default(), move || Ticker { gate: gate.clone() });
    let mut prices = ticker.subscribe::<Price>(TWO);
    assert_eq!(prices.next().await, Some(Price(7)));
    assert_eq!(told.recv().await, Some(1));
}

/// Subscribes at its start, through its dependency.
struct Chart {
    market: Address<Market>,
    probe: Probe,
}

#[actor]
impl Chart {
    #[depends_on]
    fn market(&self) -> Dependency<Market> {
        self.market.clone().into()
    }

    #[resource]
    async fn prices(&self, injector: &Injector) -> Result<Subscription<Price>, &'static str> {
        let market = injector.dependency::<Market>().ok_or("no market")?;
        Ok(market.subscribe(TWO))
    }

    #[task]
    async fn draw(&mut self, ctx: &mut Context<Self>) -> Flow {
        let Some(prices) = ctx.resource_mut::<Subscription<Price>>() else {
            return Flow::failure("not subscribed");
        };
        match prices.next().await {
            Some(price) => self.probe.note(format!("{price:?}")),
            None => return Flow::Success,
        }
        Flow::Continue
    }
}

#[tokio::test]
async fn a_dependent_subscribes_at_its_start() {
    let system = System::new("test");
    let market = market(&system);
    let probe = Probe::default();
    let (needed, noted) = (market.clone(), probe.clone());
    let make = move || Chart { market: needed.clone(), probe: noted.clone() };
    let chart = system.spawn("chart", Options::default(), make);
    chart.started().await.unwrap();
    for n in 1..=5 {
        assert_eq!(market.ask(Trade(n)).await, Ok(1));
    }
    assert!(system.shutdown(Duration::from_secs(5)).await.is_clean());
    let noted = probe.take();
    // Up to two wait unread when the chart stops.
    assert!(noted.len() >= 3, "{noted:?}");
    assert_eq!(noted[..3], ["Price(1)", "Price(2)", "Price(3)"]);
}

struct Reader {
    probe: Probe,
}

#[actor]
impl Reader {
    #[handler]
    fn price(&mut self, m: Price) {
        self.probe.note(format!("{m:?}"));
    }
}

async fn reader(system: &System, options: Options) -> (Address<Reader>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    let reader = system.spawn("reader", options, move || Reader { probe: noted.clone() });
    reader.started().await.unwrap();
    (reader, probe)
}

#[tokio::test]
async fn a_pipe_puts_items_into_a_mailbox_and_hands_on_its_pressure() {
    let system = System::new("test");
    let market = market(&system);
    let (reader, probe) = reader(&system, Options::default().mailbox(1)).await;
    let pipe = market.pipe::<Price>(reader.recipient(), Delivery::BackPressure { room: 1 });
    market.ask(Trade(1)).await.unwrap();
    while probe.take() != ["Price(1)"] {
        tokio::task::yield_now().await;
    }
    reader.pause().await.unwrap();
    // One in the mailbox, one on its way, one in the subscription.
    for n in 2..=4 {
        market.ask(Trade(n)).await.unwrap();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    }
    let mut fifth = Box::pin(market.ask(Trade(5)));
    for _ in 0..10 {
        assert!((&mut fifth).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    reader.resume().await.unwrap();
    assert_eq!(fifth.await, Ok(1));
    reader.stop().await;
    pipe.join().await;
    assert_eq!(market.ask(Trade(6)).await, Ok(0));
}

#[tokio::test]
async fn a_pipe_ends_with_the_publisher() {
    let system = System::new("test");
    let market = market(&system);
    let (reader, probe) = reader(&system, Options::default()).await;
    let pipe = market.pipe::<Price>(reader.recipient(), Delivery::Lossy { room: 4 });
    market.ask(Trade(1)).await.unwrap();
    market.stop().await;
    pipe.join().await;
    reader.stop().await;
    assert_eq!(probe.take(), ["Price(1)"]);
}
