//! Message ids: UUID version 7, ordered by time of creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// The identity of a message, and with it of a task, its outcome and its history.
///
/// ```
/// use celeriac_core::MessageId;
/// let id = MessageId::new();
/// assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

/// A text that is not a message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id: an id is a UUID such as 0198c2a0-1b2c-7d3e-8f40-123456789abc")]
pub struct ParseIdError {
    text: String,
}

impl MessageId {
    /// A fresh id: the present millisecond and 74 random bits.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default id that differs each time misleads")]
    pub fn new() -> Self {
        Self::at(Timestamp::now())
    }

    /// A fresh id of the given millisecond; batches read the clock once.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self::from_parts(time, crate::simulation::random().unwrap_or_else(rand::random))
    }

    /// The id made of a time and random bits; the same parts give the same id.
    #[must_use]
    pub fn from_parts(time: Timestamp, random: u128) -> Self {
        let [bytes @ .., _, _, _, _, _, _] = random.to_be_bytes();
        Self(uuid::Builder::from_unix_timestamp_millis(time.as_millis(), &bytes).into_uuid())
    }

    /// The id of what `self` caused under the name `cause`, such as one
    /// subscription's command of one event: the same pair gives the same id,
    /// wherever and however often it is derived.
    #[must_use]
    pub fn derive(self, cause: &str) -> Self {
        Self::from_parts(self.created_at(), self.hash_of(cause))
    }

    fn hash_of(self, cause: &str) -> u128 {
        // FNV-1a over id and cause, once per half, with two different offsets:
        // a stable, documented function, not a defence against forgery.
        let half = |offset: u64| {
            let bytes = self.0.as_bytes().iter().chain(cause.as_bytes());
            bytes
                .fold(offset, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
        };
        let (high, low) = (half(0xcbf2_9ce4_8422_2325), half(0x6c62_272e_07bb_0142));
        (u128::from(high) << 64) | u128::from(low)
    }

    /// As [`Self::derive`], but such that ids of one maker are in the order of
    /// the lower 12 bits of `order`, then random: what is stored one after the
    /// other is then stored side by side.
    #[must_use]
    pub fn derive_in_order(self, cause: &str, order: u16) -> Self {
        let random = self.hash_of(cause) & (u128::MAX >> 16);
        Self::from_parts(self.created_at(), (u128::from(order) << 112) | random)
    }

    /// When the id was made, by the clock of its maker.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        let bytes = self.0.as_bytes();
        let millis = bytes[..6].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        Timestamp::from_millis(millis)
    }

    /// The 16 bytes of the id, in network order.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of 16 bytes in network order. Any bytes are an id: others' ids
    /// (Celery's are UUID version 4) must survive a round trip.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Bits that are as good as random, for a hash table's use.
    #[must_use]
    pub const fn hash_bits(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Uuid::from_str(text).map(Self).map_err(|_| ParseIdError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time() {
        let early = MessageId::from_parts(Timestamp::from_millis(1), u128::MAX);
        let late = MessageId::from_parts(Timestamp::from_millis(2), 0);
        assert!(early < late);
        assert_eq!(late.created_at(), Timestamp::from_millis(2));
    }

    #[test]
    fn derived_ids_repeat_and_differ_by_cause() {
        let id = MessageId::new();
        assert_eq!(id.derive("a"), id.derive("a"));
        assert_ne!(id.derive("a"), id.derive("b"));
        assert_ne!(id.derive("a"), MessageId::new().derive("a"));
    }

    #[test]
    fn ids_derived_in_order_are_in_order() {
        let id = MessageId::new();
        let derived = |order| id.derive_in_order("a", order);
        assert!((0..4095).all(|order| derived(order) < derived(order + 1)));
        assert_eq!(derived(7), derived(7));
        assert_ne!(derived(7), id.derive_in_order("b", 7));
        assert_eq!(derived(7).created_at(), id.created_at());
    }

    #[test]
    fn a_wrong_text_is_named_in_the_error() {
        let error = "nonsense".parse::<MessageId>().unwrap_err();
        assert!(error.to_string().starts_with("`nonsense` is not an id"));
    }
}
