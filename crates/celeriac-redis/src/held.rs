//! What this process holds: chunks of deliveries, and what of each is settled.
//!
//! The server hands out chunks and forgets a chunk once all of it is settled;
//! until then it is told what is, as one word of bits. So settling costs by
//! the chunk, not by the message.

use std::collections::{BTreeMap, HashMap};

use celeriac_core::broker::{Receipt, Settlement, Verdict};

use crate::call::Call;
use crate::script::{BEGIN, SETTLE};

/// How many deliveries a chunk has at the most.
pub(crate) const CHUNK: usize = 1 << INDEX_BITS;
/// A receipt is the number of a chunk, and a position in it.
const INDEX_BITS: u32 = 10;
const BYTES: usize = CHUNK / 8;

/// One bit for each delivery of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bits([u8; BYTES]);

impl Bits {
    const NONE: Self = Self([0; BYTES]);

    const fn has(&self, position: usize) -> bool {
        self.0[position / 8] & (1 << (position % 8)) != 0
    }

    const fn set(&mut self, position: usize) {
        self.0[position / 8] |= 1 << (position % 8);
    }

    const fn clear(&mut self, position: usize) {
        self.0[position / 8] &= !(1 << (position % 8));
    }

    /// As many bytes as `count` positions need.
    fn of(&self, count: usize) -> &[u8] {
        &self.0[..count.div_ceil(8)]
    }
}

/// Deliveries that were handed out together.
#[derive(Debug)]
struct Chunk {
    /// What the server calls it.
    number: String,
    /// What the keys of its queue begin with.
    queue: String,
    channel: String,
    consumer: u64,
    count: usize,
    open: usize,
    settled: Bits,
    begun: Bits,
}

/// What this process holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    chunks: HashMap<u64, Chunk>,
    next: u64,
}

/// What was settled of chunks, until the server has it.
pub(crate) struct Settling {
    pub(crate) calls: Vec<Call>,
    /// Chunk and position of each delivery.
    deliveries: Vec<(u64, usize)>,
}

/// How requeued deliveries go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// Marked as redelivered.
    Requeued,
    /// As they came: nobody saw them.
    Untouched,
}

impl Held {
    /// Enters a chunk; gives the receipt of its first delivery. The next ones
    /// follow it.
    pub(crate) fn enter(
        &mut self,
        number: String,
        place: (String, String),
        consumer: u64,
        count: usize,
    ) -> Receipt {
        self.next += 1;
        let (queue, channel) = place;
        let (settled, begun) = (Bits::NONE, Bits::NONE);
        let open = count;
        let chunk = Chunk { number, queue, channel, consumer, count, open, settled, begun };
        self.chunks.insert(self.next, chunk);
        Receipt(self.next << INDEX_BITS)
    }

    /// Notes settlements; what is not held any more, or settled, is ignored.
    pub(crate) fn settle(&mut self, batch: &[Settlement], back: Back, holder: &str) -> Settling {
        let mut touched: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut deliveries = Vec::with_capacity(batch.len());
        for Settlement { receipt, verdict } in batch {
            let (id, position) = split(*receipt);
            let Some(chunk) = self.chunks.get_mut(&id) else { continue };
            if position >= chunk.count || chunk.settled.has(position) {
                continue;
            }
            chunk.settled.set(position);
            chunk.open -= 1;
            deliveries.push((id, position));
            let requeued = touched.entry(id).or_default();
            if *verdict == Verdict::Requeue {
                requeued.push(position);
            }
        }
        Settling { calls: self.calls(touched, back, holder), deliveries }
    }

    /// One call for each queue, its chunks from the oldest on.
    fn calls(&self, touched: BTreeMap<u64, Vec<usize>>, back: Back, holder: &str) -> Vec<Call> {
        let kind = match back {
            Back::Requeued => "r",
            Back::Untouched => "k",
        };
        let mut calls: Vec<(&str, Call)> = Vec::new();
        for (id, mut requeued) in touched {
            let Some(chunk) = self.chunks.get(&id) else { continue };
            requeued.sort_unstable();
            let position = calls.iter().position(|(queue, _)| *queue == chunk.queue);
            let position = position.unwrap_or_else(|| {
                let call = Call::script(&SETTLE, &chunk.queue);
                calls.push((&chunk.queue, call.arg(holder).arg(&chunk.channel).arg(kind)));
                calls.len() - 1
            });
            let call = &mut calls[position].1;
            call.push(&chunk.number);
            call.push(if chunk.open == 0 { &[] } else { chunk.settled.of(chunk.count) });
            call.push(requeued.len());
            requeued.iter().for_each(|position| call.push(position));
        }
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// The server has it: what is settled whole is forgotten.
    pub(crate) fn confirm(&mut self, settling: &Settling) {
        for (id, _) in &settling.deliveries {
            if self.chunks.get(id).is_some_and(|chunk| chunk.open == 0) {
                self.chunks.remove(id);
            }
        }
    }

    /// The server may not have it: as if it had never been settled.
    pub(crate) fn revert(&mut self, settling: &Settling) {
        for (id, position) in &settling.deliveries {
            if let Some(chunk) = self.chunks.get_mut(id) {
                chunk.settled.clear(*position);
                chunk.open += 1;
            }
        }
    }

    /// Notes that deliveries begin to run.
    pub(crate) fn begin(&mut self, receipts: &[Receipt], holder: &str) -> Vec<Call> {
        let mut touched = Vec::new();
        for receipt in receipts {
            let (id, position) = split(*receipt);
            let Some(chunk) = self.chunks.get_mut(&id) else { continue };
            if position < chunk.count {
                chunk.begun.set(position);
                touched.push(id);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let mut calls: Vec<(&str, Call)> = Vec::new();
        for chunk in touched.iter().filter_map(|id| self.chunks.get(id)) {
            let position = calls.iter().position(|(queue, _)| *queue == chunk.queue);
            let position = position.unwrap_or_else(|| {
                calls.push((&chunk.queue, Call::script(&BEGIN, &chunk.queue).arg(holder)));
                calls.len() - 1
            });
            let call = &mut calls[position].1;
            call.push(&chunk.number);
            call.push(chunk.begun.of(chunk.count));
        }
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// What a consumer has not settled, to be given back.
    pub(crate) fn of_consumer(&self, consumer: Option<u64>) -> Vec<Settlement> {
        let mut batch = Vec::new();
        for (id, chunk) in &self.chunks {
            if consumer.is_none_or(|consumer| consumer == chunk.consumer) {
                let open = (0..chunk.count).filter(|position| !chunk.settled.has(*position));
                let receipts = open.map(|position| Receipt(id << INDEX_BITS | position as u64));
                let requeue = |receipt| Settlement { receipt, verdict: Verdict::Requeue };
                batch.extend(receipts.map(requeue));
            }
        }
        batch
    }

    /// Forgets whole chunks: they are held by nobody, and the server's to give.
    pub(crate) fn disown(&mut self, batch: &[Settlement]) {
        for settlement in batch {
            self.chunks.remove(&split(settlement.receipt).0);
        }
    }

    /// The numbers of all chunks.
    pub(crate) fn numbers(&self) -> Vec<String> {
        self.chunks.values().map(|chunk| chunk.number.clone()).collect()
    }
}

const fn split(receipt: Receipt) -> (u64, usize) {
    (receipt.0 >> INDEX_BITS, (receipt.0 & (CHUNK as u64 - 1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(count: usize) -> (Held, u64) {
        let mut held = Held::default();
        let place = ("q".to_owned(), "c".to_owned());
        let first = held.enter("7".to_owned(), place, 1, count);
        (held, first.0)
    }

    fn settle(held: &mut Held, receipt: u64, verdict: Verdict) -> Settling {
        held.settle(&[Settlement { receipt: Receipt(receipt), verdict }], Back::Requeued, "me")
    }

    #[test]
    fn a_chunk_is_forgotten_once_all_of_it_is_settled() {
        let (mut held, first) = held(2);
        let settling = settle(&mut held, first, Verdict::Ack);
        held.confirm(&settling);
        assert_eq!(held.numbers(), ["7"]);
        let settling = settle(&mut held, first + 1, Verdict::Requeue);
        held.confirm(&settling);
        assert!(held.numbers().is_empty());
        assert!(settle(&mut held, first, Verdict::Ack).calls.is_empty());
    }

    #[test]
    fn what_the_server_may_not_have_can_be_settled_again() {
        let (mut held, first) = held(1);
        let settling = settle(&mut held, first, Verdict::Ack);
        held.revert(&settling);
        assert_eq!(held.of_consumer(Some(1)).len(), 1);
        assert_eq!(settle(&mut held, first, Verdict::Ack).calls.len(), 1);
    }

    #[test]
    fn receipts_beyond_a_chunk_are_nobodys() {
        let (mut held, first) = held(3);
        assert!(settle(&mut held, first + 3, Verdict::Ack).calls.is_empty());
        assert!(held.begin(&[Receipt(first + 3), Receipt(u64::MAX)], "me").is_empty());
    }
}
