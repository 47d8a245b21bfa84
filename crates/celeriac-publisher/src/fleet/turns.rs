//! Turns: that a broker which is quick to answer does not keep a slower one
//! from being heard. Pure.
//!
//! The pulls of a fleet race, and those that lose are dropped. A broker whose
//! pull was dropped sooner than it could answer gets a turn: a while in which
//! only its pull counts. What comes of it decides how soon it gets the next,
//! and how long that is.

use std::time::Duration;

/// The first turn, which is enough for a server near by.
const SHORTEST: Duration = Duration::from_millis(5);
/// The longest turn, after many in vain.
const LONGEST: Duration = Duration::from_millis(100);
/// A turn in vain is followed by so many times as long without one.
const REST: u32 = 10;

/// How one broker fares. Times are since the consumer began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// How long a turn is.
    pub(super) length: Duration,
    /// When it may have the next.
    from: Duration,
    /// Whether its latest pull was dropped too soon.
    cut_short: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self { length: SHORTEST, from: Duration::ZERO, cut_short: false }
    }
}

impl Turn {
    /// Whether it should have a turn.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.cut_short && now >= self.from
    }

    /// It gave something.
    pub(super) fn won(&mut self) {
        *self = Self::default();
    }

    /// Its turn went by in vain.
    pub(super) fn was_in_vain(&mut self, now: Duration) {
        self.from = now + self.length * REST;
        self.length = (self.length * 2).min(LONGEST);
    }

    /// Another won, after its own pull had waited for so long.
    pub(super) fn lost_after(&mut self, waited: Duration) {
        self.cut_short = waited < self.length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn who_is_cut_short_gets_a_turn_and_who_was_heard_does_not() {
        let mut turn = Turn::default();
        assert!(!turn.is_due(ms(0)));
        turn.lost_after(ms(1));
        assert!(turn.is_due(ms(1)));
        turn.lost_after(ms(5));
        assert!(!turn.is_due(ms(6)), "it had its time, and nothing to say");
    }

    #[test]
    fn turns_in_vain_become_rare_and_long_until_one_is_not() {
        let mut turn = Turn::default();
        turn.lost_after(ms(0));
        turn.was_in_vain(ms(5));
        assert!(!turn.is_due(ms(54)) && turn.is_due(ms(55)));
        for _ in 0..10 {
            turn.was_in_vain(ms(100));
        }
        assert_eq!(turn.length, LONGEST);
        assert!(!turn.is_due(ms(1099)) && turn.is_due(ms(1100)));
        turn.won();
        turn.lost_after(ms(0));
        assert!(turn.is_due(ms(0)));
        assert_eq!(turn.length, SHORTEST);
    }
}
