//! Futures tied to an actor: spawned as tokio tasks of their own, counted, and
//! dropped when the actor stops.
//!
//! A future that is ready at its first poll never touches a lock; one that
//! waits is registered once, so that cancelling can reach it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::Panicked;
use crate::event::Event;
use crate::runtime::Join;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::system::System;

/// The spawned futures of one incarnation of an actor.
pub(crate) struct TaskGroup {
    system: System,
    path: Box<str>,
    token: CancellationToken,
    aborted: AtomicBool,
    active: AtomicUsize,
    ended: Notify,
    waiting: Mutex<Slots>,
}

/// The wakers of those that wait, by slot.
#[derive(Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl TaskGroup {
    pub(crate) fn new(system: System, path: &str) -> Self {
        TaskGroup {
            system,
            path: path.into(),
            token: CancellationToken::new(),
            aborted: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            ended: Notify::new(),
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Drops every future at its next turn, which is now.
    pub(crate) fn abort_all(&self) {
        self.token.cancel();
        let wakers = {
            let mut slots = self.waiting.lock();
            self.aborted.store(true, Ordering::Release);
            std::mem::take(&mut slots.wakers)
        };
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    /// Waits until every future has ended.
    pub(crate) async fn join(&self) {
        loop {
            let ended = self.ended.notified();
            if self.active.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }

    fn report_panic(&self, panicked: &Panicked) {
        tracing::error!(path = %self.path, message = %panicked.message, "spawned future panicked");
        self.system.count_task_panic();
        self.system.bus().publish(|| Event::TaskPanicked {
            path: self.path.to_string(),
            message: panicked.message.clone(),
        });
    }
}

/// Spawns futures that belong to an actor, from anywhere.
///
/// Made by [`Context::spawner`](crate::Context::spawner); cheap to clone. It
/// belongs to one incarnation: once the actor has stopped, or was restarted, it
/// drops what it is given.
#[derive(Clone)]
pub struct Spawner {
    group: Arc<TaskGroup>,
}

impl Spawner {
    pub(crate) fn new(group: Arc<TaskGroup>) -> Self {
        Spawner { group }
    }

    /// Runs `future` as a tokio task of its own.
    ///
    /// When the actor stops or crashes, its [scope](Self::scope) is cancelled;
    /// what has not ended after the actor's grace (see
    /// [`Options::grace`](crate::Options::grace)) is dropped at its next await.
    /// A panic in it is logged, counted and published; it does not crash the
    /// actor.
    pub fn spawn<F>(&self, future: F) -> Spawned
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.group.active.fetch_add(1, Ordering::Relaxed);
        let membership = Membership { group: Arc::clone(&self.group), slot: None };
        let task = self.group.system.runtime().spawn(Tracked { future, membership });
        Spawned::new(task)
    }

    /// Cancelled when the actor stops or crashes.
    pub fn scope(&self) -> CancellationToken {
        self.group.token.clone()
    }
}

/// A spawned future. Dropping this does not end it.
#[derive(Debug)]
pub struct Spawned {
    task: Join<()>,
}

impl Spawned {
    pub(crate) fn new(task: Join<()>) -> Self {
        Spawned { task }
    }

    /// Drops the future at its next await.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until it has ended, in whichever way.
    ///
    /// # Cancel safety
    ///
    /// The future goes on when this one is dropped.
    pub async fn join(self) {
        // A panic was caught and reported; an abort is an end as well.
        let _ = self.task.await;
    }
}

/// A place in the group; given up on drop.
struct Membership {
    group: Arc<TaskGroup>,
    slot: Option<(usize, Waker)>,
}

impl Membership {
    /// Makes sure that aborting wakes this task. `false`: it is too late.
    fn register(&mut self, waker: &Waker) -> bool {
        if self.slot.as_ref().is_some_and(|(_, known)| known.will_wake(waker)) {
            return true;
        }
        let mut slots = self.group.waiting.lock();
        if self.group.aborted.load(Ordering::Acquire) {
            return false;
        }
        let index = match self.slot.take() {
            Some((index, _)) => index,
            None => slots.free.pop().unwrap_or_else(|| {
                slots.wakers.push(None);
                slots.wakers.len() - 1
            }),
        };
        slots.wakers[index] = Some(waker.clone());
        drop(slots);
        self.slot = Some((index, waker.clone()));
        true
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some((index, _)) = self.slot.take() {
            let mut slots = self.group.waiting.lock();
            // After an abort the wakers are gone, and so is the slot.
            if let Some(place) = slots.wakers.get_mut(index) {
                *place = None;
                slots.free.push(index);
            }
        }
        if self.group.active.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.group.ended.notify_waiters();
        }
    }
}

pin_project_lite::pin_project! {
    /// A member of the group. Only a future that waits is registered, so that
    /// one that is ready at once costs no lock.
    struct Tracked<F> {
        #[pin]
        future: F,
        membership: Membership,
    }
}

impl<F: Future<Output = ()>> Future for Tracked<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.membership.group.aborted.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let future = this.future;
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(())) => Poll::Ready(()),
            Ok(Poll::Pending) if this.membership.register(cx.waker()) => Poll::Pending,
            Ok(Poll::Pending) => Poll::Ready(()),
            Err(payload) => {
                this.membership.group.report_panic(&Panicked::from_payload(payload.as_ref()));
                Poll::Ready(())
            }
        }
    }
}
