//! Timers: messages that wait for their time.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::{BoxFuture, Message, Timestamp};

/// The one durable index of everything that waits for its time: ETAs,
/// countdowns, retries.
pub trait Timers {
    /// Keeps messages until their `eta`, durably. A message of the same id
    /// that waits already is replaced, unless it is of a later `attempt`. A message without `eta` is due at once.
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>>;

    /// Takes at most `max` messages due at `now`, in order of time. They are
    /// hidden from other takers for `lease` and then come again, unless
    /// [`Self::unschedule`] removed them meanwhile.
    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>>;

    /// Removes messages that were taken and published, durably. One that was
    /// replaced meanwhile (a different `attempt`) stays.
    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>>;

    /// When the next message is due; `None` while none waits. A message that
    /// is taken counts from the end of its lease.
    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>>;

    /// Waits until [`Self::next_due`] may have come nearer. May wake for
    /// nothing. Cancel-safe, and sees changes since the last `next_due`.
    fn timers_changed(&self) -> BoxFuture<'_, Result<()>>;

    /// How many messages wait.
    fn scheduled(&self) -> BoxFuture<'_, Result<u64>>;
}
