//! The gate of the intake: how many more deliveries may come, and from which
//! queues none, because a circuit is open.

use std::collections::BTreeMap;
use std::time::Duration;

use celeriac_core::{QueueName, Timestamp};
use celeriac_engine::credit::Credit;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most that is pulled at once: what is decided in one go.
const MAX_BATCH: usize = 1024;

/// For how long nothing more comes from a queue that is probed, unless the
/// router says what became of the probe.
const PROBE: Duration = Duration::from_secs(30);

/// Queues that are not consumed until then; one message at a time after that.
pub(crate) type Shut = BTreeMap<QueueName, Timestamp>;

/// Credit, shared by the intake that uses it and the settler that renews it.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    renewed: Notify,
    begun: Notify,
    turned: Notify,
}

#[derive(Debug)]
struct State {
    shut: Shut,
    /// How often `shut` has changed.
    turns: u64,
    credit: Credit,
    outstanding: usize,
    epoch: u32,
    closed: bool,
}

impl Gate {
    pub(crate) fn new(concurrency: usize) -> Self {
        let credit = Credit::new(concurrency, Timestamp::now());
        let (shut, turns) = (Shut::new(), 0);
        let state = State { shut, turns, credit, outstanding: 0, epoch: 0, closed: false };
        let (renewed, begun, turned) = (Notify::new(), Notify::new(), Notify::new());
        Self { state: Mutex::new(state), renewed, begun, turned }
    }

    /// A router begins, with nothing in flight. What an earlier one held must
    /// be given back: the intake hears of it by the epoch.
    pub(crate) fn begin_epoch(&self) -> u32 {
        let mut state = self.state.lock();
        state.outstanding = 0;
        // Its circuits are closed.
        state.shut.clear();
        state.turns += 1;
        state.epoch += 1;
        let epoch = state.epoch;
        drop(state);
        self.begun.notify_one();
        self.renewed.notify_one();
        epoch
    }

    /// How many routers have begun.
    pub(crate) fn epoch(&self) -> u32 {
        self.state.lock().epoch
    }

    /// Resolves when nothing more is wanted for the router of `epoch`: a later
    /// one began, or the gate was closed. Cancel-safe.
    pub(crate) async fn over(&self, epoch: u32) {
        while self.state.lock().is_for(epoch) {
            self.begun.notified().await;
        }
    }

    /// Lets nothing more in; what came before stays where it is.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.begun.notify_one();
    }

    /// Queues that are shut from now on, in place of those that were.
    pub(crate) fn shut(&self, queues: impl IntoIterator<Item = (QueueName, Timestamp)>) {
        let shut = queues.into_iter().collect();
        let mut state = self.state.lock();
        if state.shut == shut {
            return;
        }
        state.shut = shut;
        state.turns += 1;
        drop(state);
        self.turned.notify_one();
    }

    /// A message came from a queue that is to be probed: no other one does
    /// until it is known what became of it.
    pub(crate) fn probes(&self, queue: &QueueName, now: Timestamp) {
        if let Some(until) = self.state.lock().shut.get_mut(queue) {
            *until = now.after(PROBE);
        }
    }

    /// The queues that are shut, and how often that has changed.
    pub(crate) fn shut_queues(&self) -> (Shut, u64) {
        let state = self.state.lock();
        (state.shut.clone(), state.turns)
    }

    /// Resolves when that has changed again. Cancel-safe.
    pub(crate) async fn turned(&self, turns: u64) {
        while self.state.lock().turns == turns {
            self.turned.notified().await;
        }
    }

    /// Whether nothing is outstanding.
    pub(crate) fn is_idle(&self) -> bool {
        self.state.lock().outstanding == 0
    }

    /// Resolves when nothing is outstanding. Cancel-safe.
    pub(crate) async fn idle(&self) {
        loop {
            let renewed = self.renewed.notified();
            if self.is_idle() {
                return;
            }
            renewed.await;
        }
    }

    /// Waits until something may come; says how much. Takes nothing yet.
    /// Cancel-safe.
    pub(crate) async fn available(&self) -> usize {
        loop {
            let renewed = self.renewed.notified();
            let available = self.state.lock().available();
            if available > 0 {
                return available;
            }
            renewed.await;
        }
    }

    /// `count` deliveries came for the router of `epoch`; whether it is still there.
    pub(crate) fn take(&self, count: usize, epoch: u32) -> bool {
        let mut state = self.state.lock();
        if state.epoch == epoch {
            state.outstanding += count;
        }
        state.epoch == epoch
    }

    /// `count` deliveries are settled.
    pub(crate) fn settled(&self, count: usize, now: Timestamp) {
        let mut state = self.state.lock();
        state.outstanding = state.outstanding.saturating_sub(count);
        state.credit.finished(count, now);
        let available = state.available();
        drop(state);
        if available > 0 {
            self.renewed.notify_one();
        }
    }
}

impl State {
    const fn is_for(&self, epoch: u32) -> bool {
        self.epoch == epoch && !self.closed
    }

    fn available(&self) -> usize {
        if self.closed {
            return 0;
        }
        self.credit.window().saturating_sub(self.outstanding).min(MAX_BATCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_router_that_begins_holds_nothing() {
        let gate = Gate::new(1);
        let before = gate.begin_epoch();
        assert!(gate.take(gate.available().await, before));
        gate.begin_epoch();
        gate.over(before).await;
        assert!(!gate.take(1000, before), "those deliveries go back uncounted");
        assert!(gate.available().await > 0);
    }

    #[tokio::test]
    async fn opens_when_something_is_settled() {
        let gate = Gate::new(1);
        let window = gate.available().await;
        gate.take(window, gate.epoch());
        let mut waits = std::pin::pin!(gate.available());
        assert!(futures_pending(&mut waits).await, "no credit is left");
        gate.settled(1, Timestamp::now());
        assert_eq!(waits.await, 1);
    }

    #[tokio::test]
    async fn is_idle_when_the_last_is_settled() {
        let gate = Gate::new(1);
        gate.idle().await;
        gate.take(2, gate.epoch());
        let mut waits = std::pin::pin!(gate.idle());
        gate.settled(1, Timestamp::now());
        assert!(futures_pending(&mut waits).await, "one is left");
        gate.settled(1, Timestamp::now());
        waits.await;
    }

    #[tokio::test]
    async fn queues_are_shut_until_they_are_not_named_any_more() {
        let gate = Gate::new(1);
        let (queue, until) = (QueueName::DEFAULT, Timestamp::from_millis(7));
        let (_, before) = gate.shut_queues();
        gate.shut([(queue.clone(), until)]);
        gate.turned(before).await;
        let (shut, turns) = gate.shut_queues();
        assert_eq!(shut.get(&queue), Some(&until));
        gate.shut([(queue.clone(), until)]);
        assert_eq!(gate.shut_queues().1, turns, "nothing has changed");
        gate.probes(&queue, until);
        assert!(gate.shut_queues().0[&queue] > until, "one is enough");
        gate.shut([]);
        gate.turned(turns).await;
        assert!(gate.shut_queues().0.is_empty());
    }

    #[tokio::test]
    async fn a_closed_gate_lets_nothing_in() {
        let gate = Gate::new(1);
        let epoch = gate.begin_epoch();
        gate.close();
        gate.over(epoch).await;
        let mut waits = std::pin::pin!(gate.available());
        assert!(futures_pending(&mut waits).await);
    }

    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
