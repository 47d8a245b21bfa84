//! A lane: the messages of one queue and priority, in order of arrival. The
//! first of them are in memory; behind them may be packs that are on disk only.

use std::collections::VecDeque;
use std::sync::Arc;

use celeriac_core::Message;
use celeriac_core::broker::Undecodable;

/// What a delivery carries.
pub(crate) type Payload = Result<Arc<Message>, Box<Undecodable>>;

/// The most messages in a pack: one bit each in a word.
pub(crate) const PACK: usize = 64;

/// What a message in memory is thought to need beside its body.
const OVERHEAD_BYTES: usize = 256;

/// Where a message stands: it orders the messages of a lane. A stored one is
/// named by its pack and its position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(u64);

impl Place {
    const IN_MEMORY: u64 = 1 << 63;

    /// The place of a message that is not stored.
    pub(crate) const fn in_memory(number: u64) -> Self {
        Self(Self::IN_MEMORY | number)
    }

    /// The place of a stored message.
    pub(crate) const fn stored(pack: u64, position: u8) -> Self {
        Self(pack << 6 | position as u64)
    }

    pub(crate) const fn is_stored(self) -> bool {
        self.0 & Self::IN_MEMORY == 0
    }

    /// Its pack.
    pub(crate) const fn pack(self) -> u64 {
        self.0 >> 6
    }

    /// The bit of its position.
    pub(crate) const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) place: Place,
    pub(crate) redelivered: bool,
    pub(crate) payload: Payload,
}

impl Ready {
    /// The memory that it is thought to need, if it could be on disk instead.
    pub(crate) fn weight(&self) -> usize {
        match self.place.is_stored() {
            true => self.bytes() + OVERHEAD_BYTES,
            false => 0,
        }
    }

    /// The size of its body.
    pub(crate) fn bytes(&self) -> usize {
        match &self.payload {
            Ok(message) => message.body.len(),
            Err(undecodable) => undecodable.raw.len(),
        }
    }
}

/// A pack whose messages wait on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColdPack {
    pub(crate) pack: u64,
    /// A bit for each position that waits.
    pub(crate) waiting: u64,
    /// Its size on disk.
    pub(crate) bytes: u32,
    pub(crate) redelivered: bool,
}

impl ColdPack {
    pub(crate) const fn len(&self) -> usize {
        self.waiting.count_ones() as usize
    }
}

/// The messages of one queue and priority.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) ready: VecDeque<Ready>,
    pub(crate) cold: VecDeque<ColdPack>,
    /// The weight of what is ready.
    pub(crate) weight: usize,
    /// Whether a load of the first cold packs is under way.
    pub(crate) loading: bool,
}

impl Lane {
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.cold.is_empty()
    }

    /// Appends messages of a pack that stay on disk.
    pub(crate) fn push_cold(&mut self, cold: ColdPack) {
        match self.cold.back_mut() {
            Some(last) if last.pack == cold.pack => last.waiting |= cold.waiting,
            _ => self.cold.push_back(cold),
        }
    }

    /// The first cold packs: at most so many messages and bytes, at least one.
    pub(crate) fn next_cold(&self, messages: usize, bytes: usize) -> Vec<u64> {
        let (mut messages_left, mut bytes_left) = (messages, bytes);
        let mut packs = Vec::new();
        for cold in &self.cold {
            packs.push(cold.pack);
            messages_left = messages_left.saturating_sub(cold.len());
            bytes_left = bytes_left.saturating_sub(cold.bytes as usize);
            if messages_left == 0 || bytes_left == 0 {
                break;
            }
        }
        packs
    }
}
