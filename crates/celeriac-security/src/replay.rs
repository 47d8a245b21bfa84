//! The window in which a signature is taken, and taken once.
//!
//! Only for inboxes: their messages are answered at once, so that an old one
//! is a suspicious one. A command may wait in its queue for days, and comes
//! again after a crash; the outcome of its id answers a second copy.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use celeriac_core::Timestamp;

/// How old a signature may be, and how far ahead a signer's clock. 60 s.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How many signatures of the window are remembered, at the most.
pub const REMEMBERED: usize = 100_000;

/// A value that is used for one signature only.
pub type Nonce = [u8; 16];

/// Why a signature that is right is refused all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Replay {
    /// It came before.
    #[error("it was received before")]
    Repeated,
    /// It was made too long ago.
    #[error("it was signed {} s ago, and is taken for {} s", .0.as_secs(), WINDOW.as_secs())]
    Old(Duration),
    /// It was made in the future.
    #[error("it was signed {} s in the future; set the clocks of both machines", .0.as_secs())]
    Early(Duration),
    /// More signatures than are remembered.
    #[error("more than {REMEMBERED} messages within {} s", WINDOW.as_secs())]
    Flood,
}

/// Remembers the signatures of the last [`WINDOW`].
#[derive(Debug, Default)]
pub struct Window {
    seen: HashSet<Nonce>,
    by_time: BTreeSet<(Timestamp, Nonce)>,
}

impl Window {
    /// Takes a signature, once.
    ///
    /// # Errors
    /// [`Replay`]: it must not be taken.
    pub fn admit(&mut self, now: Timestamp, at: Timestamp, nonce: Nonce) -> Result<(), Replay> {
        let age = Duration::from_millis(now.as_millis().saturating_sub(at.as_millis()));
        let lead = Duration::from_millis(at.as_millis().saturating_sub(now.as_millis()));
        if age > WINDOW {
            return Err(Replay::Old(age));
        }
        if lead > WINDOW {
            return Err(Replay::Early(lead));
        }
        self.forget(now);
        if self.seen.contains(&nonce) {
            return Err(Replay::Repeated);
        }
        // To forget one of the window would let it come again.
        if self.seen.len() >= REMEMBERED {
            return Err(Replay::Flood);
        }
        self.seen.insert(nonce);
        self.by_time.insert((at, nonce));
        Ok(())
    }

    /// Forgets what is refused for its age.
    fn forget(&mut self, now: Timestamp) {
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        let oldest = now.as_millis().saturating_sub(window);
        while let Some((at, nonce)) = self.by_time.first().copied() {
            if at.as_millis() >= oldest {
                return;
            }
            self.by_time.pop_first();
            self.seen.remove(&nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn nonce(number: u32) -> Nonce {
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        nonce
    }

    #[test]
    fn a_signature_is_taken_once_and_while_it_is_young() {
        let mut window = Window::default();
        assert_eq!(window.admit(at(100), at(100), nonce(1)), Ok(()));
        assert_eq!(window.admit(at(101), at(100), nonce(1)), Err(Replay::Repeated));
        assert_eq!(window.admit(at(160), at(100), nonce(1)), Err(Replay::Repeated));
        let old = window.admit(at(161), at(100), nonce(1));
        assert_eq!(old, Err(Replay::Old(Duration::from_secs(61))));
        let early = window.admit(at(100), at(161), nonce(2));
        assert_eq!(early, Err(Replay::Early(Duration::from_secs(61))));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_none_of_it_is_forgotten_early() {
        let mut window = Window::default();
        for number in 0..u32::try_from(REMEMBERED).unwrap() {
            assert_eq!(window.admit(at(100), at(100), nonce(number)), Ok(()));
        }
        assert_eq!(window.admit(at(100), at(100), nonce(u32::MAX)), Err(Replay::Flood));
        assert_eq!(window.admit(at(160), at(100), nonce(0)), Err(Replay::Repeated));
        assert_eq!(window.admit(at(161), at(161), nonce(u32::MAX)), Ok(()));
        assert_eq!(window.seen.len(), 1);
        assert_eq!(window.by_time.len(), 1);
    }
}
