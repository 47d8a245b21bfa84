//! The gate of the intake: how many more deliveries may come.

use celeriac_core::Timestamp;
use celeriac_engine::credit::Credit;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most that is pulled at once: what is decided in one go.
const MAX_BATCH: usize = 1024;

/// Credit, shared by the intake that uses it and the committer that renews it.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    renewed: Notify,
    begun: Notify,
}

#[derive(Debug)]
struct State {
    credit: Credit,
    outstanding: usize,
    epoch: u32,
    closed: bool,
}

impl Gate {
    pub(crate) fn new(concurrency: usize) -> Self {
        let credit = Credit::new(concurrency, Timestamp::now());
        let state = Mutex::new(State { credit, outstanding: 0, epoch: 0, closed: false });
        Self { state, renewed: Notify::new(), begun: Notify::new() }
    }

    /// A router begins, with nothing in flight. What an earlier one held must
    /// be given back: the intake hears of it by the epoch.
    pub(crate) fn begin_epoch(&self) -> u32 {
        let mut state = self.state.lock();
        state.outstanding = 0;
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
