//! What this process holds: the session, and which consumer has which receipt.
//! Outlives a crash of the desk.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::signals::Signals;

/// A consumer's number in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConsumerId(pub(crate) u64);

/// What this process holds.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The row that says until when this process holds what it holds.
    session: Option<i64>,
    /// The last receipt that was given out. None is given out twice, so what is
    /// settled late is never taken for something else.
    latest: u64,
    open: HashMap<u64, ConsumerId>,
    /// Taken for a pull that had been dropped when its answer came.
    unhanded: Vec<u64>,
    /// Consumers that were dropped.
    left: Vec<ConsumerId>,
}

/// What is to be given back.
#[derive(Debug, Default)]
pub(crate) struct GivenBack {
    /// What nobody has seen.
    pub(crate) unhanded: Vec<u64>,
    /// What a consumer had.
    pub(crate) handed: Vec<u64>,
}

impl Holdings {
    pub(crate) fn session(&self) -> Option<i64> {
        self.state.lock().session
    }

    /// Begins to hold under a session; what was held under another is lost.
    pub(crate) fn begin_session(&self, session: i64) {
        let mut state = self.state.lock();
        state.session = Some(session);
        state.open.clear();
    }

    /// The session is gone, and all that was held under it; says how much.
    pub(crate) fn lose_session(&self) -> usize {
        let mut state = self.state.lock();
        state.session = None;
        std::mem::take(&mut state.open).len()
    }

    /// Sets `count` receipts aside; they follow the one that is answered.
    pub(crate) fn reserve(&self, count: usize) -> u64 {
        let mut state = self.state.lock();
        let before = state.latest;
        state.latest += count as u64;
        before
    }

    /// A consumer is about to get these, if the session is still the same.
    pub(crate) fn open(&self, session: i64, receipts: &[u64], consumer: ConsumerId) {
        let mut state = self.state.lock();
        if state.session == Some(session) {
            state.open.extend(receipts.iter().map(|receipt| (*receipt, consumer)));
        }
    }

    /// Those of `receipts` that are open.
    pub(crate) fn known(&self, receipts: impl Iterator<Item = u64>) -> Vec<i64> {
        let state = self.state.lock();
        let known = receipts.filter(|receipt| state.open.contains_key(receipt));
        known.map(u64::cast_signed).collect()
    }

    /// No receipt before this one is open.
    pub(crate) fn oldest(&self) -> i64 {
        let state = self.state.lock();
        let oldest = state.open.keys().min().copied().unwrap_or(state.latest + 1);
        oldest.cast_signed()
    }

    /// These are no longer held.
    pub(crate) fn end(&self, receipts: &[i64]) {
        let mut state = self.state.lock();
        for receipt in receipts {
            state.open.remove(&receipt.cast_unsigned());
        }
    }

    /// Every open receipt.
    pub(crate) fn all(&self) -> Vec<i64> {
        self.state.lock().open.keys().copied().map(u64::cast_signed).collect()
    }

    fn return_unhanded(&self, receipts: &[u64]) {
        self.state.lock().unhanded.extend_from_slice(receipts);
    }

    pub(crate) fn leave(&self, consumer: ConsumerId) {
        self.state.lock().left.push(consumer);
    }

    /// What is to be given back, and the consumers that left. It stays open
    /// until [`Self::end`].
    pub(crate) fn take_given_back(&self) -> (GivenBack, Vec<ConsumerId>) {
        let mut state = self.state.lock();
        let left = std::mem::take(&mut state.left);
        let mut unhanded = std::mem::take(&mut state.unhanded);
        unhanded.retain(|receipt| state.open.contains_key(receipt));
        let mut handed = Vec::new();
        if !left.is_empty() {
            let of_left = state.open.iter().filter(|(_, consumer)| left.contains(consumer));
            handed.extend(of_left.map(|(receipt, _)| *receipt));
            handed.retain(|receipt| !unhanded.contains(receipt));
        }
        drop(state);
        (GivenBack { unhanded, handed }, left)
    }

    /// It could not be given back yet.
    pub(crate) fn try_again(&self, given_back: &GivenBack, left: &[ConsumerId]) {
        let mut state = self.state.lock();
        state.unhanded.extend_from_slice(&given_back.unhanded);
        state.left.extend_from_slice(left);
    }
}

/// Deliveries on their way to whoever pulls. If nobody takes them they go back
/// as if they had never been taken.
#[derive(Debug)]
pub(crate) struct OnTheWay<T> {
    deliveries: Option<T>,
    receipts: Vec<u64>,
    holdings: Arc<Holdings>,
    signals: Arc<Signals>,
}

impl<T> OnTheWay<T> {
    pub(crate) fn new(
        deliveries: T,
        receipts: Vec<u64>,
        holdings: &Arc<Holdings>,
        signals: &Arc<Signals>,
    ) -> Self {
        let (holdings, signals) = (holdings.clone(), signals.clone());
        Self { deliveries: Some(deliveries), receipts, holdings, signals }
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// They have arrived.
    pub(crate) fn take(mut self) -> Option<T> {
        self.deliveries.take()
    }
}

impl<T> Drop for OnTheWay<T> {
    fn drop(&mut self) {
        if self.deliveries.is_some() && !self.receipts.is_empty() {
            self.holdings.return_unhanded(&self.receipts);
            self.signals.ring(|_| {});
        }
    }
}
