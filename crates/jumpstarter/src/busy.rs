//! How long an actor is busy, measured without a clock on the message path of
//! those whose batches are over in no time.
//!
//! Long batches are measured one by one. While they are short, one of
//! [`SAMPLED`] is measured and counts for all; a long one that follows is
//! missed for at most that many batches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::core::Core;

/// Batches at least this long are worth two looks at the clock.
const LONG: Duration = Duration::from_micros(5);
/// Of so many short batches, one is measured.
const SAMPLED: u32 = 16;

/// Counts the batches of one incarnation, even one that ends by a panic.
pub(crate) struct Tally<'a> {
    core: &'a Core,
    since: Option<Instant>,
    /// Messages of the batch at work.
    done: u32,
    /// Batches that need no measurement.
    skip: u32,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Tally { core, since: None, done: 0, skip: 0 }
    }

    /// A batch begins, with so many messages in hand.
    #[inline]
    pub(crate) fn begin(&mut self, in_hand: usize) {
        note_in_hand(self.core, in_hand);
        match self.skip.checked_sub(1) {
            Some(rest) => self.skip = rest,
            None => self.since = Some(Instant::now()),
        }
    }

    /// One more is done; gives how many of this batch are.
    #[inline]
    pub(crate) fn count(&mut self) -> u32 {
        self.done += 1;
        self.done
    }

    /// The batch ends, with so many messages left in hand.
    #[inline]
    pub(crate) fn end(&mut self, in_hand: usize) {
        note_in_hand(self.core, in_hand);
        if let Some(since) = self.since.take() {
            self.note_busy(since.elapsed());
        }
        add(&self.core.processed, u64::from(self.done));
        self.done = 0;
    }

    fn note_busy(&mut self, elapsed: Duration) {
        let stands_for = if elapsed >= LONG { 1 } else { SAMPLED };
        self.skip = stands_for - 1;
        let nanos = u64::try_from((elapsed * stands_for).as_nanos()).unwrap_or(u64::MAX);
        add(&self.core.busy_nanos, nanos);
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.since.take() {
            self.note_busy(since.elapsed());
        }
        add(&self.core.processed, u64::from(self.done));
    }
}

/// Messages taken from the mailbox and not done.
#[inline]
pub(crate) fn note_in_hand(core: &Core, messages: usize) {
    core.in_hand.store(u32::try_from(messages).unwrap_or(u32::MAX), Ordering::Relaxed);
}

/// Adds to a counter that only the actor itself writes.
#[inline]
fn add(counter: &AtomicU64, more: u64) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(more);
    counter.store(sum, Ordering::Relaxed);
}
