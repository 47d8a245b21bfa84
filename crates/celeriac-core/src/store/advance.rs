//! What one transaction writes to a store and to the broker that is one with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Join;
use crate::Message;
use crate::outcome::Completion;
use crate::workflow::StepMark;

/// Which store of this process it is: a broker that names the same one can
/// write to it in the transaction that publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreId(u64);

impl StoreId {
    /// An id of its own, for a store that has just been opened.
    #[must_use]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What follows from steps that have ended, for
/// [`Broker::advance`](crate::Broker::advance): all of it, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Advance {
    /// Outcomes to record: each must be the first of its id.
    pub complete: Vec<Completion>,
    /// Members that come into joins.
    pub join: Vec<Join>,
    /// Statuses of steps to note.
    pub mark_steps: Vec<StepMark>,
    /// Messages to publish, above any limit.
    pub publish: Vec<Arc<Message>>,
}
