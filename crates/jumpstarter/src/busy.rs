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

/// Outlives the batches of one incarnation.
#[derive(Default)]
pub(crate) struct Stopwatch {
    /// Batches that need no measurement.
    skip: u32,
}

/// Counts a batch, even one that ends by a panic.
pub(crate) struct Tally<'a> {
    core: &'a Core,
    stopwatch: &'a mut Stopwatch,
    since: Option<Instant>,
    pub(crate) done: u32,
}

impl<'a> Tally<'a> {
    pub(crate) fn begin(core: &'a Core, stopwatch: &'a mut Stopwatch, in_hand: usize) -> Self {
        core.in_hand.store(u32::try_from(in_hand).unwrap_or(u32::MAX), Ordering::Relaxed);
        let since = match stopwatch.skip.checked_sub(1) {
            Some(rest) => {
                stopwatch.skip = rest;
                None
            }
            None => Some(Instant::now()),
        };
        Tally { core, stopwatch, since, done: 0 }
    }

    /// What this measurement stands for.
    fn measured(&mut self, elapsed: Duration) -> Duration {
        if elapsed >= LONG {
            return elapsed;
        }
        self.stopwatch.skip = SAMPLED - 1;
        elapsed * SAMPLED
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let core = self.core;
        if let Some(since) = self.since {
            let busy = self.measured(since.elapsed());
            let nanos = u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX);
            add(&core.busy_nanos, nanos);
        }
        add(&core.processed, u64::from(self.done));
    }
}

/// Adds to a counter that only the actor itself writes.
fn add(counter: &AtomicU64, more: u64) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(more);
    counter.store(sum, Ordering::Relaxed);
}
