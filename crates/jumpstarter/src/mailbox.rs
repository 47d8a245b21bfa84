//! The queue of one actor: a deque under a short mutex, from which the actor
//! takes everything at once.
//!
//! Senders pay one lock and no allocation (beyond the growth of the deque). The
//! bound is checked under that same lock; senders that find no room wait in
//! line, and room is handed to them in the order in which they came.
//! What a message means is not known here, nor how the actor is woken: who puts
//! a message in hears whether the actor waits for it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::SpinMutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A deque that grew beyond this is given back when it is empty.
const KEPT_ROOM: usize = 1024;

/// The capacity of a mailbox without a bound.
const UNBOUNDED: u32 = u32::MAX;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Full,
    Closed,
}

/// Whether the actor waits, so that it must be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Receiver {
    Busy,
    Waits,
}

pub(crate) struct Mailbox<E> {
    queue: SpinMutex<Queue<E>>,
    /// [`UNBOUNDED`], or the most messages. A small number, as idle actors count
    /// in hundreds of bytes.
    capacity: u32,
    /// Written under the lock.
    closed: AtomicBool,
    /// Closed, and all was taken.
    drained: AtomicBool,
    /// Nothing was put in since the actor took all there was, so that it must be
    /// woken for the next message. Written under the lock.
    parked: AtomicBool,
}

struct Queue<E> {
    messages: VecDeque<E>,
    /// Senders that wait for room. Allocated when the first one does.
    line: Option<Box<Line>>,
}

/// Senders that wait for room, in order. A ticket that is no longer in line has
/// been granted a place, which `reserved` counts.
#[derive(Default)]
struct Line {
    waiting: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    reserved: usize,
}

impl<E> Mailbox<E> {
    /// A capacity of `u32::MAX` or more means unbounded.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u32::try_from(capacity).unwrap_or(UNBOUNDED);
        let queue = Queue { messages: VecDeque::new(), line: None };
        Mailbox {
            queue: SpinMutex::new(queue),
            capacity,
            closed: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    /// Puts one message in, or gives the parcel back.
    #[inline]
    pub(crate) fn try_push<P>(
        &self,
        parcel: P,
        wrap: impl FnOnce(P) -> E,
    ) -> Result<Receiver, (P, Rejection)> {
        let mut queue = self.queue.lock();
        if self.is_closed() {
            return Err((parcel, Rejection::Closed));
        }
        if !queue.has_room(self.capacity) {
            return Err((parcel, Rejection::Full));
        }
        queue.put(parcel, wrap);
        Ok(self.receiver())
    }

    /// After a message was put in, under the lock.
    #[inline]
    fn receiver(&self) -> Receiver {
        if self.parked.load(Ordering::Relaxed) {
            self.parked.store(false, Ordering::Relaxed);
            Receiver::Waits
        } else {
            Receiver::Busy
        }
    }

    /// Puts the parcel in, or registers for room. `ticket` belongs to the
    /// caller; it must be given to [`Mailbox::withdraw`] when the caller loses
    /// interest.
    pub(crate) fn poll_push<P>(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<u64>,
        parcel: &mut Option<P>,
        wrap: impl FnOnce(P) -> E,
    ) -> Poll<Result<Receiver, Rejection>> {
        let mut queue = self.queue.lock();
        if self.is_closed() {
            *ticket = None;
            return Poll::Ready(Err(Rejection::Closed));
        }
        let admitted = match *ticket {
            None => queue.has_room(self.capacity),
            Some(held) => queue.redeem(held, cx.waker()),
        };
        if !admitted {
            if ticket.is_none() {
                *ticket = Some(queue.stand_in_line(cx.waker()));
            }
            return Poll::Pending;
        }
        *ticket = None;
        Poll::Ready(Ok(match parcel.take() {
            Some(content) => {
                queue.put(content, wrap);
                self.receiver()
            }
            None => Receiver::Busy,
        }))
    }

    /// Leaves the line, or gives back a place that was granted but not used.
    pub(crate) fn withdraw(&self, ticket: u64) {
        let mut woken = Vec::new();
        // A waker may drop what waits in line itself: not under the lock.
        let left = {
            let mut queue = self.queue.lock();
            let Some(line) = queue.line.as_mut() else {
                return;
            };
            match line.waiting.binary_search_by_key(&ticket, |(held, _)| *held) {
                Ok(position) => line.waiting.remove(position),
                Err(_) => {
                    line.reserved = line.reserved.saturating_sub(1);
                    queue.admit(self.capacity, &mut woken);
                    None
                }
            }
        };
        drop(left);
        wake_all(woken);
    }

    /// Exchanges the empty `batch` for all queued messages; ready if there are
    /// any. The actor is woken for the next one from then on, even while it works
    /// on these: a wake that comes too early costs it one look at a flag, and
    /// spares it the lock when nothing has come.
    #[inline]
    pub(crate) fn poll_take(&self, batch: &mut VecDeque<E>) -> Poll<()> {
        // Whoever puts one in at this moment wakes the actor afterwards.
        if self.parked.load(Ordering::Relaxed) {
            give_back_room(batch);
            return Poll::Pending;
        }
        let mut queue = self.queue.lock();
        self.parked.store(true, Ordering::Relaxed);
        if queue.messages.is_empty() {
            return Poll::Pending;
        }
        std::mem::swap(&mut queue.messages, batch);
        if queue.line.is_some() {
            let mut woken = Vec::new();
            queue.admit(self.capacity, &mut woken);
            drop(queue);
            wake_all(woken);
        }
        Poll::Ready(())
    }

    /// Has the actor woken for the next message; `false`: there is one.
    pub(crate) fn park(&self) -> bool {
        let queue = self.queue.lock();
        let empty = queue.messages.is_empty();
        self.parked.store(empty, Ordering::Relaxed);
        empty
    }

    /// Takes what is queued without waiting.
    pub(crate) fn take_now(&self, batch: &mut VecDeque<E>) {
        let mut queue = self.queue.lock();
        queue.hand_over(batch);
        if queue.line.is_some() {
            let mut woken = Vec::new();
            queue.admit(self.capacity, &mut woken);
            drop(queue);
            wake_all(woken);
        }
    }

    /// Refuses messages from now on; what is queued stays.
    pub(crate) fn close(&self) {
        let line = {
            let mut queue = self.queue.lock();
            self.closed.store(true, Ordering::Relaxed);
            queue.line.take()
        };
        dismiss(line);
    }

    /// As [`close`](Self::close), and takes what is queued.
    pub(crate) fn close_and_take(&self, batch: &mut VecDeque<E>) {
        // By the actor itself, who takes.
        if self.drained.load(Ordering::Relaxed) {
            return;
        }
        let line = {
            let mut queue = self.queue.lock();
            self.closed.store(true, Ordering::Relaxed);
            self.drained.store(true, Ordering::Relaxed);
            queue.hand_over(batch);
            queue.line.take()
        };
        dismiss(line);
    }

    /// Messages queued, and the bound (`None`: unbounded).
    pub(crate) fn depth(&self) -> (usize, Option<usize>) {
        let queue = self.queue.lock();
        let bound = (self.capacity != UNBOUNDED).then_some(self.capacity as usize);
        (queue.messages.len(), bound)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

impl<E> Queue<E> {
    /// The message is built in its place: taken through the growth of the deque
    /// it would be written twice.
    #[inline]
    fn put<P>(&mut self, parcel: P, wrap: impl FnOnce(P) -> E) {
        if self.messages.len() == self.messages.capacity() {
            self.put_grown(wrap(parcel));
        } else {
            self.messages.push_back(wrap(parcel));
        }
    }

    #[cold]
    #[inline(never)]
    fn put_grown(&mut self, message: E) {
        if self.messages.capacity() == 0 {
            // Not four at once: many actors never have more than one waiting, and a
            // ring of 1,000 of them fits into a cache of 1 MiB.
            self.messages.reserve_exact(1);
        }
        self.messages.push_back(message);
    }

    /// Adds all messages to the batch.
    #[inline]
    fn hand_over(&mut self, batch: &mut VecDeque<E>) {
        if !self.messages.is_empty() {
            batch.append(&mut self.messages);
        }
    }

    #[inline]
    fn has_room(&self, capacity: u32) -> bool {
        let reserved = self.line.as_ref().map_or(0, |line| line.reserved);
        capacity == UNBOUNDED || self.messages.len() + reserved < capacity as usize
    }

    fn stand_in_line(&mut self, sender: &Waker) -> u64 {
        let line = self.line.get_or_insert_default();
        let ticket = line.next_ticket;
        line.next_ticket += 1;
        line.waiting.push_back((ticket, sender.clone()));
        ticket
    }

    /// Whether the ticket was granted a place, which it gives up for a message.
    fn redeem(&mut self, ticket: u64, sender: &Waker) -> bool {
        let line = self.line.get_or_insert_default();
        match line.waiting.binary_search_by_key(&ticket, |(held, _)| *held) {
            Ok(position) => {
                line.waiting[position].1.clone_from(sender);
                false
            }
            Err(_) => {
                line.reserved = line.reserved.saturating_sub(1);
                true
            }
        }
    }

    /// Grants free places to those first in line.
    fn admit(&mut self, capacity: u32, woken: &mut Vec<Waker>) {
        let Some(line) = self.line.as_mut() else {
            return;
        };
        while self.messages.len() + line.reserved < capacity as usize {
            let Some((_, sender)) = line.waiting.pop_front() else {
                return;
            };
            line.reserved += 1;
            woken.push(sender);
        }
    }
}

#[inline]
fn give_back_room<E>(batch: &mut VecDeque<E>) {
    if batch.capacity() > KEPT_ROOM {
        *batch = VecDeque::new();
    }
}

/// Nobody in line gets a place any more.
#[inline]
fn dismiss(line: Option<Box<Line>>) {
    if let Some(line) = line {
        wake_line(*line);
    }
}

#[cold]
fn wake_line(line: Line) {
    for (_, sender) in line.waiting {
        sender.wake();
    }
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

/// Awaits room and puts one parcel in.
///
/// Cancel safety: dropped before it is ready, the parcel is dropped with it and
/// the place in line is given up.
pub(crate) struct Push<'a, E, P, W> {
    mailbox: &'a Mailbox<E>,
    parcel: Option<P>,
    wrap: W,
    ticket: Option<u64>,
}

impl<'a, E, P, W> Push<'a, E, P, W> {
    pub(crate) fn new(mailbox: &'a Mailbox<E>, parcel: P, wrap: W) -> Self {
        Push { mailbox, parcel: Some(parcel), wrap, ticket: None }
    }
}

// Nothing in it is pinned.
impl<E, P, W> Unpin for Push<'_, E, P, W> {}

impl<E, P, W: Fn(P) -> E> Future for Push<'_, E, P, W> {
    /// `Err` holds the parcel: the mailbox is closed.
    type Output = Result<Receiver, Option<P>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let pushed = this
            .mailbox
            .poll_push(cx, &mut this.ticket, &mut this.parcel, |parcel| (this.wrap)(parcel));
        pushed.map_err(|_| this.parcel.take())
    }
}

impl<E, P, W> Drop for Push<'_, E, P, W> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.mailbox.withdraw(ticket);
        }
    }
}
