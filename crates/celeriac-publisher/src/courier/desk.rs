//! The desk: what waits for one broker, and whether anything must. Shared by
//! the senders, who bring, and the keeper, who publishes.
//!
//! `clear` says at the price of one load that the broker is up and nothing
//! waits. It changes under the lock of the state only, so nobody brings
//! something to a desk that was just declared clear.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use celeriac_core::broker::{Limit, QueueStats, Settlement};
use celeriac_core::error::Result;
use celeriac_core::health::Board;
use celeriac_core::store::{Advance, Joined};
use celeriac_core::{Broker, Error, ErrorKind, Message, Timestamp};
use celeriac_engine::breaker::{Breaker, Change, Loudness};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Options, WhenFull, down, is_outage};

pub(crate) struct Desk {
    pub(super) name: String,
    pub(super) broker: Arc<dyn Broker>,
    /// Where what waits is kept by choice; without it senders wait themselves.
    pub(super) disk: Option<Arc<dyn Broker>>,
    pub(super) options: Options,
    clear: AtomicBool,
    /// Messages of senders that wait for an answer.
    pub(super) tickets: AtomicUsize,
    pub(super) state: Mutex<State>,
    /// Wakes the keeper.
    pub(super) work: Notify,
    /// Wakes those who wait for room.
    pub(super) room: Notify,
    /// Wakes those who wait to learn whether the broker is up.
    looked: Notify,
    /// Where others see how it is.
    pub(super) board: OnceLock<Board>,
}

pub(super) struct State {
    pub(super) breaker: Breaker,
    /// Calls that wait in memory, in their order.
    pub(super) line: VecDeque<Held>,
    /// Deliveries whose end could not be told.
    pub(super) owed: Vec<Settlement>,
    /// Writes to the disk that are under way, and how often one began or ended.
    pub(super) writing: usize,
    pub(super) writes: u64,
    /// About how many messages wait on disk.
    pub(super) on_disk: u64,
    /// Whether the disk failed when it was last written to.
    pub(super) disk_failed: bool,
    /// Since when the desk is not clear.
    pub(super) since: Option<Timestamp>,
    pub(super) closed: bool,
}

/// A call that waits.
pub(super) struct Held {
    pub(super) batch: Vec<Arc<Message>>,
    pub(super) limit: Limit,
    pub(super) reply: oneshot::Sender<Result<Vec<usize>>>,
}

/// What came of bringing a batch to the desk.
pub(super) enum Entered {
    /// It is published, accepted by the disk, or given up.
    Done(Result<Vec<usize>>),
    /// Nothing waits any more: publish it directly.
    Clear,
}

/// The same messages, marked as such that may have been published before.
pub(crate) fn repeated(batch: &[Arc<Message>]) -> Vec<Arc<Message>> {
    let mut batch = batch.to_vec();
    batch.iter_mut().for_each(|message| Arc::make_mut(message).may_repeat = true);
    batch
}

impl Desk {
    pub(super) fn new(
        name: &str,
        broker: Arc<dyn Broker>,
        disk: Option<Arc<dyn Broker>>,
        options: Options,
    ) -> Self {
        // Only a look tells what an earlier process left on disk.
        let clear = disk.is_none();
        let state = State {
            breaker: Breaker::new(options.breaker.clone()),
            line: VecDeque::new(),
            owed: Vec::new(),
            writing: 0,
            writes: 0,
            on_disk: 0,
            disk_failed: false,
            since: None,
            closed: false,
        };
        let desk = Self {
            name: name.to_owned(),
            broker,
            disk,
            options,
            clear: AtomicBool::new(clear),
            tickets: AtomicUsize::new(0),
            state: Mutex::new(state),
            work: Notify::new(),
            room: Notify::new(),
            looked: Notify::new(),
            board: OnceLock::new(),
        };
        if !clear {
            desk.work.notify_one();
        }
        desk
    }

    /// Whether the broker is up and nothing waits for it.
    pub(crate) fn is_clear(&self) -> bool {
        self.clear.load(Ordering::Acquire)
    }

    /// Waits until it is known whether the broker is up.
    pub(super) async fn looked(&self) {
        loop {
            let looked = self.looked.notified();
            if self.is_clear() || self.state.lock().since.is_some() {
                return;
            }
            looked.await;
        }
    }

    /// Publishes at once, without waiting for a broker that is down.
    pub(crate) async fn attempt(&self, batch: &[Arc<Message>], limit: Limit) -> Result<Vec<usize>> {
        self.heard(self.in_time(self.broker.publish(batch, limit)).await)
    }

    /// Ends deliveries at once, or not at all.
    pub(crate) async fn settle(&self, batch: Vec<Settlement>) -> Result<()> {
        self.heard(self.in_time(self.broker.settle(batch)).await)
    }

    /// Does at once what follows from steps, or not at all: who asks tries again.
    pub(super) async fn advance(&self, batch: Advance) -> Result<Option<Vec<Joined>>> {
        if !self.is_clear() {
            return Ok(None);
        }
        self.heard(self.in_time(self.broker.advance(batch)).await)
    }

    /// The queues of the broker, unless it is down.
    pub(crate) async fn queues(&self) -> Result<Vec<QueueStats>> {
        self.heard(self.in_time(self.broker.queues()).await)
    }

    fn heard<T>(&self, answer: Result<T>) -> Result<T> {
        if let Err(error) = &answer {
            self.suspect(error);
        }
        answer
    }

    /// What a call of the broker gives, unless it takes too long.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let patience = self.options.patience;
        match timeout(patience, call).await {
            Ok(answer) => answer,
            Err(_) => {
                let context = format!("the broker `{}` took longer than {patience:?}", self.name);
                Err(Error::new(ErrorKind::Timeout, "publish", context))
            }
        }
    }

    /// Learns of an error; after one that tells of an outage the keeper looks
    /// after the broker until it is back.
    pub(crate) fn suspect(&self, error: &Error) {
        if !is_outage(error.kind()) {
            return;
        }
        let change = {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            self.clear.store(false, Ordering::Release);
            state.since.get_or_insert_with(Timestamp::now);
            state.breaker.blame(error.to_string());
            state.breaker.failed(Timestamp::now())
        };
        self.tell(change, error);
        self.show();
        self.work.notify_one();
        self.looked.notify_waiters();
    }

    /// Learns that the broker answered.
    pub(super) fn works(&self) {
        let change = self.state.lock().breaker.succeeded(Timestamp::now());
        if let Some(Change::Recovered) = change {
            tracing::info!(broker = self.name, "the broker is back");
        }
        self.show();
    }

    fn tell(&self, change: Option<Change>, error: &Error) {
        match change {
            Some(Change::Tripped { loudness: Loudness::Error, .. }) => {
                tracing::error!(broker = self.name, %error, "the broker fails again and again");
            }
            Some(Change::Tripped { loudness: Loudness::Warning, .. }) => {
                tracing::warn!(broker = self.name, %error, "the broker is down: messages wait");
            }
            _ => {}
        }
    }

    /// Brings a batch to the desk, and waits until it is dealt with.
    pub(super) async fn enter(&self, batch: &[Arc<Message>], limit: Limit) -> Entered {
        if batch.is_empty() {
            return Entered::Done(self.check_open().map(|()| Vec::new()));
        }
        let deadline = Instant::now() + self.options.wait;
        if self.takes_disk() {
            match self.write(batch, deadline).await {
                Some(entered) => return entered,
                // The disk failed: memory takes over.
                None => tracing::debug!(broker = self.name, "a batch waits in memory"),
            }
        }
        let (reply, answer) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if let Err(error) = self.open(&state) {
                return Entered::Done(Err(error));
            }
            if self.is_clear() {
                return Entered::Clear;
            }
            state.line.push_back(Held { batch: batch.to_vec(), limit, reply });
        }
        self.work.notify_one();
        Entered::Done(match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(down(&self.name, ErrorKind::Unreachable, "the wait was ended")),
            Err(_) => Err(self.waited_in_vain()),
        })
    }

    fn takes_disk(&self) -> bool {
        self.disk.is_some() && {
            let state = self.state.lock();
            // What waits in memory goes first: nothing may overtake it.
            state.line.is_empty() || !state.disk_failed
        }
    }

    /// Keeps a batch on disk; nothing if the disk fails.
    async fn write(&self, batch: &[Arc<Message>], deadline: Instant) -> Option<Entered> {
        let disk = self.disk.as_ref()?;
        let writing = loop {
            let room = self.room.notified();
            {
                let mut state = self.state.lock();
                if let Err(error) = self.open(&state) {
                    return Some(Entered::Done(Err(error)));
                }
                if self.is_clear() {
                    return Some(Entered::Clear);
                }
                let waiting = usize::try_from(state.on_disk).unwrap_or(usize::MAX);
                if waiting == 0 || waiting.saturating_add(batch.len()) <= self.options.limit {
                    state.writing += 1;
                    state.writes += 1;
                    state.on_disk += batch.len() as u64;
                    break Writing(self);
                }
            }
            if self.options.when_full == WhenFull::Refuse {
                return Some(Entered::Done(Err(self.full())));
            }
            if timeout_at(deadline, room).await.is_err() {
                return Some(Entered::Done(Err(self.waited_in_vain())));
            }
        };
        let written = disk.publish(batch, Limit::Exceed).await;
        {
            let mut state = self.state.lock();
            state.disk_failed = written.is_err();
            if written.is_err() {
                state.on_disk = state.on_disk.saturating_sub(batch.len() as u64);
            }
        }
        drop(writing);
        match written {
            Ok(_) => Some(Entered::Done(Ok(Vec::new()))),
            Err(error) => {
                tracing::error!(broker = self.name, %error,
                    "the backlog can't be kept on disk: messages wait in memory");
                None
            }
        }
    }

    pub(super) fn full(&self) -> Error {
        let limit = self.options.limit;
        let what = format!("{limit} messages wait for it already; send later, or raise the limit");
        down(&self.name, ErrorKind::Busy, &what)
    }

    pub(super) fn waited_in_vain(&self) -> Error {
        let what = format!("{:?} have passed; the messages may yet arrive", self.options.wait);
        down(&self.name, ErrorKind::Timeout, &what)
    }

    fn open(&self, state: &State) -> Result<()> {
        if !state.closed {
            return Ok(());
        }
        let context = format!("the broker `{}` was closed", self.name);
        Err(Error::new(ErrorKind::Closed, "publish", context))
    }

    fn check_open(&self) -> Result<()> {
        self.open(&self.state.lock())
    }

    /// Takes over the end of deliveries that could not be told.
    pub(crate) fn owe(&self, batch: Vec<Settlement>) {
        self.state.lock().owed.extend(batch);
        self.work.notify_one();
    }

    /// Declares the desk clear, unless something waits after all. `writes` is
    /// how often a write to the disk had begun or ended before it was found empty.
    pub(super) fn declare_clear(&self, writes: u64) -> bool {
        let mut state = self.state.lock();
        let disk_is_empty = self.disk.is_none() || state.writing == 0 && state.writes == writes;
        if !state.line.is_empty() || !state.owed.is_empty() || !disk_is_empty {
            return false;
        }
        state.since = None;
        state.on_disk = 0;
        state.disk_failed = false;
        self.clear.store(true, Ordering::Release);
        drop(state);
        self.room.notify_waiters();
        self.looked.notify_waiters();
        self.show();
        true
    }

    /// Who waits is told; what is on disk stays there.
    pub(super) async fn close(&self) {
        let line = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.line)
        };
        for held in line {
            let context = format!("the broker `{}` was closed", self.name);
            // Who gave up waiting does not hear it.
            let _ = held.reply.send(Err(Error::new(ErrorKind::Closed, "publish", context)));
        }
        self.work.notify_one();
        self.room.notify_waiters();
        self.broker.close().await;
        if let Some(disk) = &self.disk {
            disk.close().await;
        }
    }
}

/// A write to the disk that is under way.
struct Writing<'a>(&'a Desk);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        {
            let mut state = self.0.state.lock();
            state.writing -= 1;
            // Who looked at the disk meanwhile may not have seen it.
            state.writes += 1;
        }
        self.0.work.notify_one();
    }
}
