//! What this process holds: each delivery with its lease.
//!
//! JetStream knows when a delivery was not acknowledged for too long, but not
//! who acknowledges it then. So the driver itself lets go of what it did not
//! renew in time: by its own clock, before the server's runs out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_nats::Subject;
use celeriac_core::QueueName;
use celeriac_core::broker::{Receipt, Settlement, Verdict};

/// A delivery that this process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where the server hears of its end.
    pub(crate) reply: Subject,
    pub(crate) queue: QueueName,
    pub(crate) priority: usize,
    /// Its place in the stream: the order of arrival.
    pub(crate) sequence: u64,
    pub(crate) consumer: u64,
    /// Where the rest of a large message is.
    pub(crate) part: Option<String>,
    /// When its lease began, or was renewed; nothing if it has expired.
    pub(crate) since: Option<Instant>,
}

impl Entry {
    fn is_valid(&self, lease: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() < lease)
    }
}

/// The end of a delivery, on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) receipt: Receipt,
    pub(crate) verdict: Verdict,
    pub(crate) entry: Entry,
}

/// What this process holds, by receipt.
#[derive(Debug)]
pub(crate) struct Held {
    entries: BTreeMap<u64, Entry>,
    next: u64,
    lease: Duration,
}

impl Held {
    pub(crate) fn new(lease: Duration) -> Self {
        Self { entries: BTreeMap::new(), next: 1, lease }
    }

    pub(crate) fn enter(&mut self, entry: Entry) -> Receipt {
        let receipt = self.next;
        self.next += 1;
        self.entries.insert(receipt, entry);
        Receipt(receipt)
    }

    /// Takes out what is settled; what is not held (any more) is ignored.
    pub(crate) fn settle(&mut self, batch: &[Settlement]) -> Vec<Ending> {
        let mut endings = Vec::with_capacity(batch.len());
        for Settlement { receipt, verdict } in batch {
            let Some(entry) = self.entries.remove(&receipt.0) else { continue };
            if entry.is_valid(self.lease) {
                endings.push(Ending { receipt: *receipt, verdict: *verdict, entry });
            }
        }
        endings
    }

    /// The server may not have it: as if it had never been settled.
    pub(crate) fn revert(&mut self, endings: Vec<Ending>) {
        self.entries.extend(endings.into_iter().map(|ending| (ending.receipt.0, ending.entry)));
    }

    /// What a consumer holds, or all do, to be given back.
    pub(crate) fn of_consumer(&self, consumer: Option<u64>) -> Vec<Settlement> {
        let theirs = self
            .entries
            .iter()
            .filter(|(_, entry)| consumer.is_none_or(|consumer| consumer == entry.consumer));
        let requeue =
            |receipt: &u64| Settlement { receipt: Receipt(*receipt), verdict: Verdict::Requeue };
        theirs.map(|(receipt, _)| requeue(receipt)).collect()
    }

    /// What is to be renewed. What has expired is let go.
    pub(crate) fn renewable(&mut self) -> Vec<(Receipt, Entry)> {
        let lease = self.lease;
        self.entries.retain(|_, entry| entry.is_valid(lease));
        let copy = |(receipt, entry): (&u64, &Entry)| (Receipt(*receipt), entry.clone());
        self.entries.iter().map(copy).collect()
    }

    /// Their leases were renewed; they began at `since`, or later.
    pub(crate) fn renewed(&mut self, receipts: &[Receipt], since: Instant) {
        for receipt in receipts {
            if let Some(entry) = self.entries.get_mut(&receipt.0) {
                // What has expired meanwhile may be held by somebody else.
                if entry.is_valid(self.lease) {
                    entry.since = Some(since);
                }
            }
        }
    }

    /// How much of each queue is held.
    pub(crate) fn counts(&self) -> BTreeMap<QueueName, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| entry.is_valid(self.lease)) {
            *counts.entry(entry.queue.clone()).or_default() += 1;
        }
        counts
    }

    /// All leases expire, and nobody notices.
    pub(crate) fn expire(&mut self) -> Vec<Ending> {
        let mut endings = Vec::new();
        for (receipt, entry) in &mut self.entries {
            let (receipt, verdict) = (Receipt(*receipt), Verdict::Requeue);
            if entry.is_valid(self.lease) {
                endings.push(Ending { receipt, verdict, entry: entry.clone() });
            }
            entry.since = None;
        }
        endings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(lease: Duration) -> (Held, Receipt) {
        let mut held = Held::new(lease);
        let receipt = held.enter(Entry {
            reply: Subject::from_static("ack"),
            queue: QueueName::from("q"),
            priority: 5,
            sequence: 1,
            consumer: 1,
            part: None,
            since: Some(Instant::now()),
        });
        (held, receipt)
    }

    fn ack(receipt: Receipt) -> [Settlement; 1] {
        [Settlement { receipt, verdict: Verdict::Ack }]
    }

    #[test]
    fn what_the_server_may_not_have_can_be_settled_again() {
        let (mut held, receipt) = held(Duration::from_secs(60));
        let endings = held.settle(&ack(receipt));
        assert!(held.settle(&ack(receipt)).is_empty());
        held.revert(endings);
        assert_eq!(held.counts(), BTreeMap::from([(QueueName::from("q"), 1)]));
        assert_eq!(held.settle(&ack(receipt)).len(), 1);
    }

    #[test]
    fn what_has_expired_is_settled_and_renewed_no_more() {
        let (mut held, receipt) = held(Duration::ZERO);
        held.renewed(&[receipt], Instant::now() + Duration::from_secs(60));
        assert!(held.counts().is_empty());
        assert!(held.renewable().is_empty());
        assert!(held.settle(&ack(receipt)).is_empty());
    }
}
