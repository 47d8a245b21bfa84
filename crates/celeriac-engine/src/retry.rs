//! Which delay follows which attempt: exponential backoff with full jitter.

use std::time::Duration;

use celeriac_core::{Message, RetryPolicy};

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after this delay.
    Again(Duration),
    /// The policy allows no further attempt.
    Exhausted,
}

/// Decides what follows the failure of `message`'s present attempt.
/// `asked` is the delay that the task itself asked for, if it did.
///
/// The jitter is drawn from the message's id and attempt: the same message
/// waits equally long wherever it is decided, and different ones spread.
#[must_use]
pub fn decide(policy: &RetryPolicy, message: &Message, asked: Option<Duration>) -> Decision {
    let done = message.attempt.saturating_add(1);
    if done >= policy.max_attempts {
        return Decision::Exhausted;
    }
    let delay = asked.unwrap_or_else(|| {
        let ceiling = ceiling(policy, message.attempt);
        let seed = message.id.hash_bits() ^ u64::from(message.attempt);
        fraction(ceiling, mixed(seed))
    });
    Decision::Again(delay)
}

/// The upper end of the delay after attempt number `attempt` (0 is the first).
fn ceiling(policy: &RetryPolicy, attempt: u32) -> Duration {
    let doubled = 2u32.checked_pow(attempt).and_then(|factor| policy.initial.checked_mul(factor));
    doubled.unwrap_or(policy.cap).min(policy.cap)
}

/// `of` × `random` ÷ 2⁶⁴, in whole milliseconds.
fn fraction(of: Duration, random: u64) -> Duration {
    let scaled = (of.as_millis() * u128::from(random)) >> 64;
    Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// SplitMix64: spreads neighbouring seeds over all numbers.
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Name;
    use proptest::prelude::*;

    fn attempt(number: u32) -> Message {
        let mut message = Message::command(Name::from_static("t"), "");
        message.attempt = number;
        message
    }

    #[test]
    fn the_fifth_failure_is_the_last_by_default() {
        let policy = RetryPolicy::default();
        assert!(matches!(decide(&policy, &attempt(3), None), Decision::Again(_)));
        assert_eq!(decide(&policy, &attempt(4), None), Decision::Exhausted);
        assert_eq!(decide(&RetryPolicy::NEVER, &attempt(0), None), Decision::Exhausted);
    }

    #[test]
    fn a_delay_that_the_task_asks_for_is_taken() {
        let asked = Duration::from_secs(7);
        let decision = decide(&RetryPolicy::default(), &attempt(0), Some(asked));
        assert_eq!(decision, Decision::Again(asked));
    }

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let ceilings = [0, 1, 2, 6, 7, 31, 32, u32::MAX].map(|n| ceiling(&policy, n).as_secs());
        assert_eq!(ceilings, [1, 2, 4, 64, 120, 120, 120, 120]);
    }

    #[test]
    fn jitter_is_full() {
        let policy = RetryPolicy { max_attempts: 9, ..RetryPolicy::default() };
        let delays: Vec<_> = (0..1000)
            .map(|_| match decide(&policy, &attempt(2), None) {
                Decision::Again(delay) => delay.as_millis(),
                Decision::Exhausted => unreachable!(),
            })
            .collect();
        let quarter = delays.iter().filter(|delay| **delay < 1000).count();
        assert!((150..350).contains(&quarter), "{quarter} of 1000 below a quarter of the ceiling");
    }

    proptest! {
        #[test]
        fn no_delay_is_above_the_cap(number: u32, initial_ms: u64, cap_ms in 0u64..1_000_000) {
            let policy = RetryPolicy {
                max_attempts: u32::MAX,
                initial: Duration::from_millis(initial_ms),
                cap: Duration::from_millis(cap_ms),
            };
            match decide(&policy, &attempt(number), None) {
                Decision::Again(delay) => prop_assert!(delay <= policy.cap),
                Decision::Exhausted => prop_assert!(number >= u32::MAX - 1),
            }
        }
    }
}
