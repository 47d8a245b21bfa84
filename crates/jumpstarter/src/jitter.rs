//! A source of small random numbers for jitter. Not for secrets.

use crate::runtime::entropy;

/// xorshift64.
pub(crate) struct Jitter(u64);

impl Default for Jitter {
    fn default() -> Self {
        Jitter(entropy() | 1)
    }
}

impl Jitter {
    /// A number from 0 up to, but not including, 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
