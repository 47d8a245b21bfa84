//! The names of keys and channels.
//!
//! Everything that one script touches has the same hash tag, the part in
//! braces, so that a cluster keeps it in one slot.

use std::fmt::Display;
use std::sync::Arc;

use celeriac_core::{MessageId, QueueName};

use crate::store::Bucket;

/// The keys of one application.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// What the keys of a queue begin with.
    pub(crate) fn queue(&self, queue: &QueueName) -> String {
        format!("{}:q:{{{}}}", self.prefix, escaped(queue.as_str()))
    }

    /// Where it is said that something waits in a queue, or has room.
    pub(crate) fn queue_channel(&self, queue: &QueueName) -> String {
        format!("{}:wake:{}", self.prefix, queue.as_str())
    }

    /// The names of all queues, with the time at which each was used last.
    pub(crate) fn queues(&self) -> String {
        format!("{}:queues", self.prefix)
    }

    /// The processes that hold deliveries, with the end of their lease.
    pub(crate) fn holders(&self) -> String {
        format!("{}:holders", self.prefix)
    }

    /// Whose turn it is to look for what the dead held.
    pub(crate) fn sweeper(&self) -> String {
        format!("{}:sweeper", self.prefix)
    }

    /// The outcomes of a bucket, by id.
    pub(crate) fn outcomes(&self, bucket: impl Display) -> String {
        format!("{}:o:{{{bucket}}}", self.prefix)
    }

    /// Buckets in which some outcomes expire long before others, with the time at
    /// which some have.
    pub(crate) fn mixed(&self) -> String {
        format!("{}:mixed", self.prefix)
    }

    pub(crate) fn mark(&self, id: MessageId) -> String {
        format!("{}:m:{{{}}}:{id}", self.prefix, Bucket::of(id))
    }

    pub(crate) fn claim(&self, key: &str) -> String {
        format!("{}:d:{{{}}}", self.prefix, escaped(key))
    }

    /// Of a domain that lives in one slot: `timers`, `revoked`, `quarantine`.
    pub(crate) fn domain(&self, domain: &str) -> String {
        format!("{}:{{{domain}}}", self.prefix)
    }

    pub(crate) fn nodes(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    /// What the keys of a workflow begin with.
    pub(crate) fn workflow(&self, id: MessageId) -> String {
        format!("{}:w:{{{id}}}", self.prefix)
    }

    /// Every workflow, by id.
    pub(crate) fn workflows(&self) -> String {
        format!("{}:workflows", self.prefix)
    }

    /// Where the ids of what has changed are told: outcomes, marks, workflows.
    pub(crate) fn changes_channel(&self) -> String {
        format!("{}:changes", self.prefix)
    }

    pub(crate) fn revoked_channel(&self) -> String {
        format!("{}:revoked", self.prefix)
    }

    pub(crate) fn timers_channel(&self) -> String {
        format!("{}:timers", self.prefix)
    }
}

/// Without braces, which would end the hash tag, and never empty.
fn escaped(name: &str) -> String {
    if name.contains(['{', '}', '%']) {
        return name.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash tag as Redis Cluster finds it.
    fn tag(key: &str) -> &str {
        let rest = key.split_once('{').map_or("", |(_, rest)| rest);
        rest.split_once('}').map_or("", |(tag, _)| tag)
    }

    /// CRC16 (XMODEM) modulo 16,384, as the specification of the cluster has it.
    fn slot(key: &str) -> u16 {
        let hashed = if tag(key).is_empty() { key } else { tag(key) };
        let crc = hashed.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            })
        });
        crc % 16_384
    }

    #[test]
    fn slots_are_computed_as_the_cluster_does() {
        assert_eq!(slot("123456789"), 0x31c3);
        assert_eq!(slot("a{x}b"), slot("x"));
    }

    #[test]
    fn what_one_script_touches_is_in_one_slot() {
        let keys = Keys::new("celeriac");
        for name in ["default", "}", "{}", "a}b{c", "~inbox", "%7D"] {
            let queue = keys.queue(&QueueName::from(name));
            for suffix in [":0", ":9", ":h", ":a", ":b", ":n", ":c:123"] {
                assert_eq!(slot(&queue), slot(&format!("{queue}{suffix}")), "{name}");
                assert!(!tag(&queue).is_empty(), "{name}");
            }
        }
        let id = MessageId::new();
        assert_eq!(slot(&keys.outcomes(Bucket::of(id))), slot(&keys.mark(id)));
        let workflow = keys.workflow(id);
        assert_eq!(slot(&workflow), slot(&format!("{workflow}:j:7")));
        let timers = keys.domain("timers");
        assert_eq!(slot(&timers), slot(&format!("{timers}:due")));
    }

    #[test]
    fn names_that_differ_have_keys_that_differ() {
        let keys = Keys::new("celeriac");
        let of = |name: &str| keys.queue(&QueueName::from(name));
        assert_ne!(of("a}"), of("a%7D"));
    }
}
