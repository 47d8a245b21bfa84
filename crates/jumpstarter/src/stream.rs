//! A typed stream: what an actor publishes goes to each subscription, with
//! back-pressure or with a counted loss.
//!
//! One lock per stream; an item reaches all subscriptions in one step, so that
//! all of them see the same order. Where a stream hangs on its actor is in
//! [`crate::publish`].

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;
use futures_util::Stream;

/// What happens when a subscription has no room for another item. `room` is in
/// items, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The publisher waits; nothing is lost.
    BackPressure {
        /// Items that wait to be read before the publisher waits.
        room: usize,
    },
    /// The oldest item is dropped, and [counted](Subscription::missed); the
    /// publisher never waits.
    Lossy {
        /// Items that wait to be read before some are lost.
        room: usize,
    },
}

impl Delivery {
    fn room(self) -> usize {
        match self {
            Delivery::BackPressure { room } | Delivery::Lossy { room } => room.max(1),
        }
    }
}

/// The publishing end, one per actor and item type.
pub(crate) struct Hub<T> {
    channels: Mutex<Channels<T>>,
}

struct Channels<T> {
    open: BTreeMap<u64, Channel<T>>,
    next: u64,
    /// Nothing is published any more.
    ended: bool,
    /// Those that wait for room.
    publishers: Vec<Waker>,
}

struct Channel<T> {
    items: VecDeque<T>,
    delivery: Delivery,
    missed: u64,
    reader: Option<Waker>,
}

/// A stream whose item type is not known.
pub(crate) trait AnyHub: Send + Sync {
    /// Lets the subscriptions end when they have read what is there.
    fn end(&self);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Send + 'static> AnyHub for Hub<T> {
    fn end(&self) {
        let woken = {
            let mut channels = self.channels.lock();
            channels.ended = true;
            let mut woken = std::mem::take(&mut channels.publishers);
            woken.extend(channels.open.values_mut().filter_map(|channel| channel.reader.take()));
            woken
        };
        wake_all(woken);
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<T> Hub<T> {
    pub(crate) fn new() -> Self {
        let channels =
            Channels { open: BTreeMap::new(), next: 0, ended: false, publishers: Vec::new() };
        Hub { channels: Mutex::new(channels) }
    }

    pub(crate) fn subscribe(self: Arc<Self>, delivery: Delivery) -> Subscription<T> {
        let mut channels = self.channels.lock();
        let id = channels.next;
        channels.next += 1;
        let channel = Channel { items: VecDeque::new(), delivery, missed: 0, reader: None };
        channels.open.insert(id, channel);
        drop(channels);
        Subscription { hub: self, id }
    }
}

impl<T: Clone> Hub<T> {
    /// Gives the item to every subscription once all that need room have some.
    fn poll_publish(&self, cx: &mut Context<'_>, item: &mut Option<T>) -> Poll<usize> {
        let mut channels = self.channels.lock();
        if channels.ended {
            return Poll::Ready(0);
        }
        if channels.open.values().any(Channel::makes_wait) {
            if !channels.publishers.iter().any(|known| known.will_wake(cx.waker())) {
                channels.publishers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let Some(item) = item.take() else {
            return Poll::Ready(0);
        };
        // What is lost is dropped after the lock is.
        let mut lost = Vec::new();
        let mut readers = Vec::new();
        for channel in channels.open.values_mut() {
            if channel.items.len() >= channel.delivery.room() {
                channel.missed += 1;
                lost.extend(channel.items.pop_front());
            }
            channel.items.push_back(item.clone());
            readers.extend(channel.reader.take());
        }
        let reached = channels.open.len();
        drop(channels);
        wake_all(readers);
        Poll::Ready(reached)
    }
}

impl<T> Channel<T> {
    fn makes_wait(&self) -> bool {
        matches!(self.delivery, Delivery::BackPressure { .. })
            && self.items.len() >= self.delivery.room()
    }
}

/// See [`Context::publish`](crate::Context::publish).
pub(crate) struct Publishing<T> {
    hub: Option<Arc<Hub<T>>>,
    item: Option<T>,
}

impl<T> Publishing<T> {
    pub(crate) fn new(hub: Option<Arc<Hub<T>>>, item: T) -> Self {
        Publishing { hub, item: Some(item) }
    }
}

// Nothing in it is pinned.
impl<T> Unpin for Publishing<T> {}

impl<T: Clone> Future for Publishing<T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        match &this.hub {
            Some(hub) => hub.poll_publish(cx, &mut this.item),
            None => Poll::Ready(0),
        }
    }
}

/// The items that an actor publishes from now on. Made by
/// [`Address::subscribe`](crate::Address::subscribe); also a
/// [`Stream`](futures_util::Stream).
///
/// It goes on when the actor is restarted, and ends, after the items that wait,
/// when the actor has ended for good. Dropping it frees a publisher that waits
/// for it.
pub struct Subscription<T> {
    hub: Arc<Hub<T>>,
    id: u64,
}

impl<T> Subscription<T> {
    /// The next item; `None` when the actor has ended for good.
    ///
    /// # Cancel safety
    ///
    /// No item is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.take(Some(cx.waker()))).await
    }

    /// The next item if there is one already.
    pub fn try_next(&mut self) -> Option<T> {
        match self.take(None) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        }
    }

    /// Items that were lost so far, because this is [lossy](Delivery::Lossy) and
    /// was not read in time.
    pub fn missed(&self) -> u64 {
        self.hub.channels.lock().open.get(&self.id).map_or(0, |channel| channel.missed)
    }

    /// An item, or a place for the reader to be woken.
    fn take(&mut self, reader: Option<&Waker>) -> Poll<Option<T>> {
        let mut channels = self.hub.channels.lock();
        let ended = channels.ended;
        let Some(channel) = channels.open.get_mut(&self.id) else {
            return Poll::Ready(None);
        };
        let made_wait = channel.makes_wait();
        let Some(item) = channel.items.pop_front() else {
            if ended {
                return Poll::Ready(None);
            }
            channel.reader = reader.cloned();
            return Poll::Pending;
        };
        if made_wait {
            let woken = std::mem::take(&mut channels.publishers);
            drop(channels);
            wake_all(woken);
        }
        Poll::Ready(Some(item))
    }
}

impl<T> Stream for Subscription<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().take(Some(cx.waker()))
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        let (left, woken) = {
            let mut channels = self.hub.channels.lock();
            let left = channels.open.remove(&self.id);
            (left, std::mem::take(&mut channels.publishers))
        };
        wake_all(woken);
        drop(left);
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("missed", &self.missed()).finish_non_exhaustive()
    }
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
