//! Hash tables keyed by message id. An id is random already: mixing its last
//! eight bytes is enough.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use celeriac_core::MessageId;

/// A hash table keyed by message id.
pub(crate) type IdMap<V> = HashMap<MessageId, V, BuildHasherDefault<IdHasher>>;

/// Odd, and without a pattern: the golden ratio in 64 bits.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes the last eight bytes that it is given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    #[inline]
    fn write_usize(&mut self, _length: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        mix(self.0)
    }
}

/// Spreads what differs in any bits over all bits.
pub(super) fn mix(bits: u64) -> u64 {
    let product = u128::from(bits) * u128::from(MULTIPLIER);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Timestamp;
    use std::hash::BuildHasher;

    #[test]
    fn ids_that_differ_in_one_low_bit_hash_far_apart() {
        let hash = |n| {
            let id = MessageId::from_parts(Timestamp::from_millis(1), n);
            BuildHasherDefault::<IdHasher>::default().hash_one(id)
        };
        let hashes: std::collections::HashSet<u64> =
            (0..1000).map(|n| hash(n << 48) % 4096).collect();
        assert!(hashes.len() > 800, "{}", hashes.len());
    }
}
