//! How unfriendly the world is.

use std::time::Duration;

use crate::dice::Dice;

/// How often what goes wrong, per thousand calls of a broker or store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// How many nodes work at the same time.
    pub nodes: usize,
    /// The process dies, before the call is done or after it.
    pub crash: usize,
    /// Nothing is done, and the answer is an error.
    pub refuse: usize,
    /// It is done, but the answer is an error.
    pub doubt: usize,
    /// The call or its answer takes up to ten seconds.
    pub slow: usize,
    /// An acknowledgement is answered well and yet lost: the message comes again.
    pub lost_ack: usize,
    /// Per delivery: its lease expires while it is worked on.
    pub lease: usize,
    /// Per delivery: an earlier one of this broker comes again beside it.
    pub duplicate: usize,
    /// Per pull: what waits comes in another order.
    pub reorder: usize,
    /// Per pull: the connection breaks while it waits.
    pub cut: usize,
    /// Broker and store are two, not one: nothing is written to both at once.
    pub apart: bool,
    /// So many of all of these happen at the most; then the sky is clear, so
    /// that everything can come to its end.
    pub budget: u64,
}

impl Weather {
    /// Two nodes, and nothing goes wrong.
    pub const CALM: Self = Self {
        nodes: 2,
        crash: 0,
        refuse: 0,
        doubt: 0,
        slow: 0,
        lost_ack: 0,
        lease: 0,
        duplicate: 0,
        reorder: 0,
        cut: 0,
        apart: false,
        budget: 0,
    };

    /// Everything goes wrong, now and then.
    pub const STORM: Self = Self {
        nodes: 3,
        crash: 12,
        refuse: 15,
        doubt: 15,
        slow: 15,
        lost_ack: 40,
        lease: 60,
        duplicate: 40,
        reorder: 300,
        cut: 60,
        apart: false,
        budget: 150,
    };

    /// A weather of its own for each seed: of all that can go wrong, some
    /// does, so that no fault hides another.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x5eed_0f3a_7e47_1e55);
        let storm = Self::STORM;
        let mut some = |usual: usize| match dice.below(4) {
            0 => 0,
            1 => usual / 2,
            2 => usual,
            _ => usual * 3,
        };
        Self {
            crash: some(storm.crash),
            refuse: some(storm.refuse),
            doubt: some(storm.doubt),
            slow: some(storm.slow),
            lost_ack: some(storm.lost_ack),
            lease: some(storm.lease),
            duplicate: some(storm.duplicate),
            reorder: some(storm.reorder),
            cut: some(storm.cut),
            nodes: 1 + dice.below(3),
            budget: 20 + dice.below(200) as u64,
            apart: dice.percent(30),
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Refused,
    Doubted,
    CrashBefore,
    CrashAfter,
}

/// How long a call takes on its way there and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delay {
    pub(super) there: Duration,
    pub(super) back: Duration,
}
