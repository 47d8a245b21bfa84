//! Claims of dedup keys, in order of their end.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use celeriac_core::store::{Claim, Claimed};
use celeriac_core::{MessageId, Timestamp};

/// How many expired claims one new claim clears away.
const SWEEP: usize = 4;

/// Who holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: MessageId,
    pub(crate) confirmed: bool,
    pub(crate) until: Timestamp,
}

/// Claims of dedup keys.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    holders: HashMap<Arc<str>, Holder>,
    ends: BTreeSet<(Timestamp, Arc<str>)>,
}

impl Dedup {
    /// Claims a key unless another message holds it.
    pub(crate) fn claim(&mut self, claim: &Claim) -> Claimed {
        self.sweep(claim.now);
        if let Some(holder) = self.holders.get(claim.key.as_str())
            && holder.until > claim.now
            && (holder.id != claim.id || holder.confirmed)
        {
            return Claimed::Held { id: holder.id, confirmed: holder.confirmed };
        }
        let holder = Holder { id: claim.id, confirmed: false, until: claim.until };
        self.insert(&claim.key, holder);
        Claimed::Ours
    }

    /// Notes that a key's message is published; false if nobody holds it.
    pub(crate) fn confirm(&mut self, key: &str) -> bool {
        let holder = self.holders.get_mut(key);
        holder.is_some_and(|holder| {
            holder.confirmed = true;
            true
        })
    }

    fn insert(&mut self, key: &str, holder: Holder) {
        let key: Arc<str> = key.into();
        if let Some(former) = self.holders.insert(key.clone(), holder) {
            self.ends.remove(&(former.until, key.clone()));
        }
        self.ends.insert((holder.until, key));
    }

    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            let Some((until, _)) = self.ends.first() else {
                return;
            };
            if *until > now {
                return;
            }
            if let Some((_, key)) = self.ends.pop_first() {
                self.holders.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_until_its_window_ends() {
        let mut dedup = Dedup::default();
        let claim = |now, until| Claim {
            key: "k".to_owned(),
            id: MessageId::new(),
            now: Timestamp::from_millis(now),
            until: Timestamp::from_millis(until),
        };
        let first = claim(1, 10);
        assert_eq!(dedup.claim(&first), Claimed::Ours);
        assert_eq!(dedup.claim(&first), Claimed::Ours, "the same message again");
        let held = |confirmed| Claimed::Held { id: first.id, confirmed };
        assert_eq!(dedup.claim(&claim(2, 20)), held(false));
        assert!(dedup.confirm("k"));
        assert_eq!(dedup.claim(&first), held(true));
        assert_eq!(dedup.claim(&claim(10, 20)), Claimed::Ours);
        assert_eq!((dedup.holders.len(), dedup.ends.len()), (1, 1));
        assert!(!dedup.confirm("other"));
    }
}
