//! The way back of an `ask`: a slot that the handler fills and the asker awaits.
//!
//! One allocation per ask; a `tell` carries an empty [`Reply`] of one word.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

enum Slot<R> {
    Empty,
    Awaited(Waker),
    Filled(R),
    /// The other side is gone.
    Closed,
}

/// Where a handler sends its answer.
///
/// A handler that takes a `Reply` answers when it likes: it may keep the value,
/// pass it to another actor or to a future. Dropping it unused tells the asker
/// that there will be no answer. For a message that was told, not asked, it
/// leads nowhere.
pub struct Reply<R> {
    slot: Option<Arc<Mutex<Slot<R>>>>,
}

impl<R> Reply<R> {
    /// A reply nobody waits for.
    pub(crate) const fn nobody() -> Self {
        Reply { slot: None }
    }

    /// Answers. If the asker has given up, or never waited, the value is dropped.
    pub fn send(mut self, value: R) {
        let Some(slot) = self.slot.take() else { return };
        let mut guard = slot.lock();
        if matches!(*guard, Slot::Closed) {
            return;
        }
        let before = std::mem::replace(&mut *guard, Slot::Filled(value));
        drop(guard);
        if let Slot::Awaited(asker) = before {
            asker.wake();
        }
    }

    /// Whether nobody waits for the answer (any more): the work for it can be
    /// skipped.
    pub fn is_closed(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| matches!(*slot.lock(), Slot::Closed))
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let before = std::mem::replace(&mut *slot.lock(), Slot::Closed);
        if let Slot::Awaited(asker) = before {
            asker.wake();
        }
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("asked", &self.slot.is_some()).finish()
    }
}

/// The asker's end. `None`: the reply was dropped.
pub(crate) struct Answer<R> {
    /// Empty once it is known how it ended.
    slot: Option<Arc<Mutex<Slot<R>>>>,
}

/// A connected pair.
pub(crate) fn channel<R>() -> (Reply<R>, Answer<R>) {
    let slot = Arc::new(Mutex::new(Slot::Empty));
    (Reply { slot: Some(Arc::clone(&slot)) }, Answer { slot: Some(slot) })
}

impl<R> Future for Answer<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let Some(slot) = &self.slot else {
            return Poll::Ready(None);
        };
        let mut guard = slot.lock();
        let answer = match std::mem::replace(&mut *guard, Slot::Closed) {
            Slot::Filled(value) => Some(value),
            Slot::Closed => None,
            Slot::Empty | Slot::Awaited(_) => {
                *guard = Slot::Awaited(cx.waker().clone());
                return Poll::Pending;
            }
        };
        drop(guard);
        self.slot = None;
        Poll::Ready(answer)
    }
}

impl<R> Drop for Answer<R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let before = std::mem::replace(&mut *slot.lock(), Slot::Closed);
            drop(before);
        }
    }
}
