//! A consumer's channel: what was delivered through it and is not settled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use celeriac_core::QueueName;
use celeriac_core::broker::{Receipt, Settlement, Verdict};
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions, ChannelFlowOptions};
use parking_lot::Mutex;

use crate::client::Live;
use crate::handover::hand_over;

/// How many bits of a receipt are the delivery's; the others are its link's.
const TAG_BITS: u32 = 40;

/// A channel to consume through, on one connection.
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) live: Arc<Live>,
    pub(crate) channel: Channel,
    /// What is in the hands of the consumer, by delivery tag.
    held: Mutex<BTreeMap<u64, QueueName>>,
    pulls: AtomicU64,
}

/// One frame that settles.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// Of this tag, or with `multiple` of everything up to it.
    Ack {
        tag: u64,
        multiple: bool,
    },
    Requeue {
        tag: u64,
    },
}

impl Link {
    pub(crate) fn new(number: u64, live: Arc<Live>, channel: Channel) -> Self {
        Self { number, live, channel, held: Mutex::default(), pulls: AtomicU64::new(0) }
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.channel.status().connected()
    }

    /// A number that no other pull through this channel has.
    pub(crate) fn begin_pull(&self) -> u64 {
        self.pulls.fetch_add(1, Ordering::Relaxed)
    }

    /// Enters a delivery.
    pub(crate) fn hold(&self, tag: u64, queue: &QueueName) -> Receipt {
        self.held.lock().insert(tag, queue.clone());
        Receipt(self.number << TAG_BITS | tag)
    }

    /// How many messages of each queue are held.
    pub(crate) fn count(&self, counts: &mut HashMap<QueueName, u64>) {
        for queue in self.held.lock().values() {
            *counts.entry(queue.clone()).or_default() += 1;
        }
    }

    /// Settles what is held of these; returns when the server has seen what
    /// goes back.
    pub(crate) async fn settle(&self, batch: &[Settlement]) -> lapin::Result<()> {
        let frames = frames(&mut self.held.lock(), batch);
        let gives_back = frames.iter().any(|frame| matches!(frame, Frame::Requeue { .. }));
        let sending = hand_over(frames.into_iter().map(|frame| self.send(frame)));
        let sent =
            self.live.answer(async { sending.await.into_iter().collect::<lapin::Result<()>>() });
        sent.await?;
        if gives_back {
            // Nothing answers a nack; what is answered after it was done after it.
            let flow = self.channel.channel_flow(ChannelFlowOptions { active: true });
            self.live.answer(flow).await?;
        }
        Ok(())
    }

    async fn send(&self, frame: Frame) -> lapin::Result<()> {
        match frame {
            Frame::Ack { tag, multiple } => {
                self.channel.basic_ack(tag, BasicAckOptions { multiple }).await
            }
            Frame::Requeue { tag } => {
                let options = BasicNackOptions { multiple: false, requeue: true };
                self.channel.basic_nack(tag, options).await
            }
        }
    }
}

/// The number of a receipt's link.
pub(crate) fn link_of(receipt: Receipt) -> u64 {
    receipt.0 >> TAG_BITS
}

/// Takes what is settled out of what is held, and gives the frames for it: one
/// for all that is acknowledged below everything else that is held.
fn frames(held: &mut BTreeMap<u64, QueueName>, batch: &[Settlement]) -> Vec<Frame> {
    let (mut acks, mut requeues) = (Vec::new(), Vec::new());
    for settlement in batch {
        let tag = settlement.receipt.0 & ((1 << TAG_BITS) - 1);
        if held.remove(&tag).is_none() {
            continue;
        }
        match settlement.verdict {
            Verdict::Ack => acks.push(tag),
            Verdict::Requeue => requeues.push(tag),
        }
    }
    acks.sort_unstable();
    requeues.sort_unstable();
    let mut end = u64::MAX;
    for first in [held.keys().next(), requeues.first()].into_iter().flatten() {
        end = end.min(*first);
    }
    let below = acks.partition_point(|tag| *tag < end);
    let mut frames = Vec::new();
    if let Some(last) = acks[..below].last() {
        frames.push(Frame::Ack { tag: *last, multiple: below > 1 });
    }
    frames.extend(acks[below..].iter().map(|tag| Frame::Ack { tag: *tag, multiple: false }));
    frames.extend(requeues.into_iter().map(|tag| Frame::Requeue { tag }));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_in_a_row_takes_one_frame() {
        let queue = QueueName::from_static("q");
        let mut held = BTreeMap::from_iter((1..=8).map(|tag| (tag, queue.clone())));
        let settle = |verdict, tags: &[u64]| {
            let settlement =
                |tag: &u64| Settlement { receipt: Receipt(3 << TAG_BITS | *tag), verdict };
            Vec::from_iter(tags.iter().map(settlement))
        };
        let batch = settle(Verdict::Ack, &[2, 1, 4, 3, 6]);
        let expected =
            [Frame::Ack { tag: 4, multiple: true }, Frame::Ack { tag: 6, multiple: false }];
        assert_eq!(frames(&mut held, &batch), expected);
        assert_eq!(frames(&mut held, &batch), [], "settled twice");

        let mut batch = settle(Verdict::Requeue, &[5]);
        batch.extend(settle(Verdict::Ack, &[7, 8]));
        let expected = [
            Frame::Ack { tag: 7, multiple: false },
            Frame::Ack { tag: 8, multiple: false },
            Frame::Requeue { tag: 5 },
        ];
        assert_eq!(frames(&mut held, &batch), expected, "an ack of all would take what goes back");
        assert!(held.is_empty());
    }
}
