//! Publishing and subscribing: the streams of an actor, which live as long as
//! the actor itself, across its restarts.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::ended;
use crate::context::Context;
use crate::core::Core;
use crate::recipient::Recipient;
use crate::spawner::Spawned;
use crate::stream::{AnyHub, Delivery, Hub, Publishing, Subscription};
use crate::task::TaskContext;

/// The actor publishes items of type `T`.
///
/// Implemented by [`#[actor(streams(T, …))]`](macro@crate::actor).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not publish `{T}`",
    label = "a stream that the actor does not declare",
    note = "declare it where the actor is: `#[actor(streams({T}))]`"
)]
pub trait Publishes<T: Clone + Send + 'static>: Actor {}

/// The streams of an actor, by the type of their items. Made when the first
/// subscriber comes.
#[derive(Default)]
pub(crate) struct Streams {
    hubs: Vec<(TypeId, Arc<dyn AnyHub>)>,
}

impl Streams {
    fn get<T: Send + 'static>(&self) -> Option<Arc<Hub<T>>> {
        let (_, hub) = self.hubs.iter().find(|(item, _)| *item == TypeId::of::<T>())?;
        Arc::clone(hub).into_any().downcast().ok()
    }
}

fn hub<T: Send + 'static>(core: &Core) -> Option<Arc<Hub<T>>> {
    core.peek_cold(|cold| cold.streams.get()).flatten()
}

/// Ends every stream of an actor that has ended for good.
pub(crate) fn end_all(core: &Core) {
    let streams = core.peek_cold(|cold| std::mem::take(&mut cold.streams));
    for (_, hub) in streams.unwrap_or_default().hubs {
        hub.end();
    }
}

impl<A: Actor> Context<A> {
    /// Gives an item to everyone who [subscribed](Address::subscribe) to this
    /// type; the number of those is the result. Waits until each subscription
    /// with [back-pressure](Delivery::BackPressure) has room, then all get it in
    /// one step, so that they see the same order.
    ///
    /// Without subscribers this costs next to nothing. An actor that has no room
    /// in a subscription of its own waits forever.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nobody gets the item.
    pub fn publish<T>(&self, item: T) -> impl Future<Output = usize> + Send + use<A, T>
    where
        A: Publishes<T>,
        T: Clone + Send + 'static,
    {
        Publishing::new(hub(&self.address().cell().core), item)
    }
}

impl<A: Actor> TaskContext<A> {
    /// As [`Context::publish`](crate::Context::publish).
    pub fn publish<T>(&self, item: T) -> impl Future<Output = usize> + Send + use<A, T>
    where
        A: Publishes<T>,
        T: Clone + Send + 'static,
    {
        Publishing::new(hub(&self.cell.core), item)
    }
}

impl<A: Actor> Address<A> {
    /// The items of this type that the actor publishes from now on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use jumpstarter::{Context, Delivery, Options, System, actor};
    ///
    /// #[derive(Clone, Debug, PartialEq)]
    /// struct Price(u64);
    /// struct Trade(u64);
    /// struct Market;
    ///
    /// #[actor(streams(Price))]
    /// impl Market {
    ///     #[handler]
    ///     async fn trade(&mut self, message: Trade, ctx: &mut Context<Self>) {
    ///         ctx.publish(Price(message.0)).await;
    ///     }
    /// }
    ///
    /// let system = System::new("example");
    /// let market = system.spawn("market", Options::default(), || Market);
    /// let mut prices = market.subscribe::<Price>(Delivery::BackPressure { room: 64 });
    /// market.tell(Trade(7)).await.unwrap();
    /// assert_eq!(prices.next().await, Some(Price(7)));
    /// market.stop().await;
    /// assert_eq!(prices.next().await, None);
    /// # });
    /// ```
    ///
    /// An actor that depends on another one can subscribe at its start, before
    /// it works on any message:
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use jumpstarter::{
    ///     Address, Context, Delivery, Dependency, Flow, Injector, Options, Subscription, System, actor,
    /// };
    /// # #[derive(Clone)]
    /// # struct Price(u64);
    /// # struct Trade(u64);
    /// # struct Market;
    /// # #[actor(streams(Price))]
    /// # impl Market {
    /// #     #[handler]
    /// #     async fn trade(&mut self, message: Trade, ctx: &mut Context<Self>) {
    /// #         ctx.publish(Price(message.0)).await;
    /// #     }
    /// # }
    ///
    /// struct Chart { market: Address<Market>, highest: u64 }
    /// struct Highest;
    ///
    /// #[actor]
    /// impl Chart {
    ///     #[depends_on]
    ///     fn market(&self) -> Dependency<Market> {
    ///         self.market.clone().into()
    ///     }
    ///
    ///     #[resource]
    ///     async fn prices(&self, injector: &Injector) -> Result<Subscription<Price>, &'static str> {
    ///         let market = injector.dependency::<Market>().ok_or("no market")?;
    ///         Ok(market.subscribe(Delivery::BackPressure { room: 64 }))
    ///     }
    ///
    ///     #[task]
    ///     async fn draw(&mut self, ctx: &mut Context<Self>) -> Flow {
    ///         let Some(prices) = ctx.resource_mut::<Subscription<Price>>() else {
    ///             return Flow::Success;
    ///         };
    ///         match prices.next().await {
    ///             Some(Price(price)) => self.highest = self.highest.max(price),
    ///             None => return Flow::Success,
    ///         }
    ///         Flow::Continue
    ///     }
    /// #   #[stopped]
    /// #   fn end(&mut self) { assert_eq!(self.highest, 9); }
    /// }
    /// # let system = System::new("example");
    /// # let market = system.spawn("market", Options::default(), || Market);
    /// # let own = market.clone();
    /// # let chart = system.spawn("chart", Options::default(), move || Chart { market: own.clone(), highest: 0 });
    /// # chart.started().await.unwrap();
    /// # market.tell(Trade(9)).await.unwrap();
    /// # market.tell(Trade(8)).await.unwrap();
    /// # system.shutdown(std::time::Duration::from_secs(9)).await;
    /// # });
    /// ```
    pub fn subscribe<T>(&self, delivery: Delivery) -> Subscription<T>
    where
        A: Publishes<T>,
        T: Clone + Send + 'static,
    {
        let core = &self.cell().core;
        let hub = core.with_cold(|cold| {
            if let Some(known) = cold.streams.get::<T>() {
                return known;
            }
            let fresh = Arc::new(Hub::<T>::new());
            if core.is_finished() {
                fresh.end();
            } else {
                let any = Arc::clone(&fresh) as Arc<dyn AnyHub>;
                cold.streams.hubs.push((TypeId::of::<T>(), any));
            }
            fresh
        });
        hub.subscribe(delivery)
    }

    /// Delivers what the actor publishes into the mailbox of another one, as
    /// messages. Items wait in a subscription of their own while that mailbox is
    /// full: with [back-pressure](Delivery::BackPressure) the publisher waits in
    /// the end, too.
    ///
    /// Goes on across the restarts of both, until one of them has ended for
    /// good, or what this returns is [aborted](Spawned::abort).
    pub fn pipe<T>(&self, recipient: Recipient<T>, delivery: Delivery) -> Spawned
    where
        A: Publishes<T>,
        T: Clone + Send + 'static,
    {
        let subscription = self.subscribe::<T>(delivery);
        let carrying = carry(subscription, recipient);
        Spawned::new(self.cell().core.system.runtime().spawn(carrying))
    }
}

async fn carry<T: Send + 'static>(mut subscription: Subscription<T>, recipient: Recipient<T>) {
    let mut gone = Box::pin(ended(recipient.core()));
    loop {
        let next = std::pin::pin!(subscription.next());
        match select(&mut gone, next).await {
            Either::Right((Some(item), _)) => {
                if recipient.tell(item).await.is_err() {
                    return;
                }
            }
            Either::Left(_) | Either::Right((None, _)) => return,
        }
    }
}
