//! How many deliveries a router may hold at once.
//!
//! Enough that workers never run dry, little enough that no other router's
//! share is held hostage here: what the workers can run now, or what they get
//! through in a twentieth of a second, whichever is more.

use std::time::Duration;

use celeriac_core::Timestamp;

/// The most that is ever held.
pub const MAX_WINDOW: usize = 8192;
/// For how long the held deliveries should last.
const AHEAD: Duration = Duration::from_millis(50);
/// How long a rate is measured before it counts.
const SAMPLE: Duration = Duration::from_millis(10);

/// The window of one router.
#[derive(Debug)]
pub struct Credit {
    least: usize,
    window: usize,
    finished: usize,
    since: Timestamp,
}

impl Credit {
    /// A window for workers that can have `concurrency` runs under way.
    #[must_use]
    pub fn new(concurrency: usize, now: Timestamp) -> Self {
        let least = concurrency.saturating_mul(2).clamp(2, MAX_WINDOW);
        Self { least, window: least, finished: 0, since: now }
    }

    /// How many deliveries may be held at once.
    #[must_use]
    pub const fn window(&self) -> usize {
        self.window
    }

    /// Learns that `count` more runs finished by `now`.
    pub fn finished(&mut self, count: usize, now: Timestamp) {
        self.finished += count;
        let elapsed = now.since(self.since);
        if elapsed < SAMPLE {
            return;
        }
        let ahead = self.finished as u128 * AHEAD.as_millis() / elapsed.as_millis();
        let wanted = usize::try_from(ahead).unwrap_or(MAX_WINDOW);
        // Up at once, down slowly: a pause is mostly no trend.
        let lowered = self.window - self.window / 8;
        self.window = wanted.max(lowered).clamp(self.least, MAX_WINDOW);
        self.finished = 0;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn fast_tasks_widen_the_window_slow_ones_narrow_it_again() {
        let mut credit = Credit::new(8, at(0));
        assert_eq!(credit.window(), 16);
        credit.finished(1000, at(10));
        assert_eq!(credit.window(), 5000);
        for tick in 1..100 {
            credit.finished(0, at(10 + tick * 10));
        }
        assert_eq!(credit.window(), 16);
    }

    #[test]
    fn the_window_has_an_end() {
        let mut credit = Credit::new(usize::MAX, at(0));
        credit.finished(usize::MAX / 100, at(10));
        assert_eq!(credit.window(), MAX_WINDOW);
    }
}
