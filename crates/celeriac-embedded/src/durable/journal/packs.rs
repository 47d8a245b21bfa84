//! Packs: up to 64 messages of one queue and priority in one row. What is
//! settled of a pack is a word of bits beside it; once all of it is, both go.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::{Message, Priority, QueueName};
use rusqlite::{Connection, params};

use crate::live::{IdHasher, PACK, bits};

/// A pack above this size takes no more messages.
const PACK_BYTES: usize = 64 << 10;

/// Messages of one queue and priority that were published together; at most
/// one pack of them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) queue: QueueName,
    pub(crate) index: u32,
    pub(crate) priority: Priority,
    pub(crate) messages: Vec<Arc<Message>>,
    /// Their envelopes, each after its length.
    pub(crate) bytes: Vec<u8>,
    /// The pack that it went into, and its first position there.
    pub(crate) placed: (u64, u8),
}

impl Group {
    pub(crate) fn new(queue: QueueName, index: u32, priority: Priority) -> Self {
        Self { queue, index, priority, messages: Vec::new(), bytes: Vec::new(), placed: (0, 0) }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= PACK || self.bytes.len() >= PACK_BYTES
    }

    pub(crate) fn push(&mut self, message: Arc<Message>) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        celeriac_core::wire::encode(&message, &mut self.bytes);
        let length = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.messages.push(message);
    }
}

/// The envelopes of a pack, in order. What is cut off is the last one.
pub(crate) fn split(pack: &Bytes) -> Vec<Bytes> {
    let mut envelopes = Vec::with_capacity(PACK);
    let mut rest = pack.clone();
    while let Some(length) = rest.first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let _length = rest.split_to(4);
        envelopes.push(rest.split_to(length.min(rest.len())));
    }
    envelopes
}

/// A pack that is being written.
#[derive(Debug)]
pub(super) struct Draft {
    queue: QueueName,
    priority: Priority,
    count: usize,
    bytes: Vec<u8>,
}

/// The packs of one transaction.
#[derive(Debug)]
pub(super) struct Drafts {
    first: u64,
    drafts: Vec<Draft>,
    /// The latest pack of each queue and priority.
    latest: HashMap<(u32, Priority), usize>,
}

impl Drafts {
    pub(super) fn new(first: u64) -> Self {
        Self { first, drafts: Vec::new(), latest: HashMap::new() }
    }

    /// Puts a group into a pack; gives the pack and the first position.
    pub(super) fn place(&mut self, group: &Group) -> (u64, u8) {
        let key = (group.index, group.priority);
        let latest = self.latest.get(&key).copied();
        if let Some(index) = latest
            && let Some(draft) = self.drafts.get_mut(index)
            && draft.count + group.messages.len() <= PACK
            && draft.bytes.len() < PACK_BYTES
        {
            let position = draft.count as u8;
            draft.count += group.messages.len();
            draft.bytes.extend_from_slice(&group.bytes);
            return (self.first + index as u64, position);
        }
        let index = self.drafts.len();
        self.drafts.push(Draft {
            queue: group.queue.clone(),
            priority: group.priority,
            count: group.messages.len(),
            bytes: group.bytes.clone(),
        });
        self.latest.insert(key, index);
        (self.first + index as u64, 0)
    }

    pub(super) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.drafts.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO pack (seq, queue, priority, count, messages) VALUES (?, ?, ?, ?, ?)",
        )?;
        for (pack, draft) in (self.first..).zip(&self.drafts) {
            insert.execute(params![
                pack as i64,
                draft.queue.as_str(),
                draft.priority.get(),
                draft.count as i64,
                draft.bytes
            ])?;
        }
        Ok(())
    }
}

/// What is known of a pack that is not settled.
#[derive(Clone, Copy, Debug)]
struct Pack {
    all: u64,
    settled: u64,
    /// Whether the bits are stored.
    stored: bool,
}

/// Every pack that is not settled.
#[derive(Debug)]
pub(crate) struct Packs {
    by_pack: HashMap<u64, Pack, BuildHasherDefault<IdHasher>>,
    next: u64,
}

/// Bits that one transaction settled.
pub(super) type Touched = Vec<(u64, u64)>;

impl Packs {
    pub(super) fn new() -> Self {
        Self { by_pack: HashMap::default(), next: 1 }
    }

    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// A pack was found when the journal opened.
    pub(super) fn recover(&mut self, pack: u64, count: usize, settled: Option<u64>) {
        let found = Pack {
            all: bits(count),
            settled: settled.unwrap_or_default(),
            stored: settled.is_some(),
        };
        self.by_pack.insert(pack, found);
        self.next = self.next.max(pack + 1);
    }

    /// Writes what is settled: bits, or nothing at all once all of a pack is.
    pub(super) fn settle(
        &self,
        connection: &Connection,
        landed: &[(u64, u64)],
    ) -> rusqlite::Result<Touched> {
        let mut touched = landed.to_vec();
        if touched.is_empty() {
            return Ok(touched);
        }
        touched.sort_unstable_by_key(|(pack, _)| *pack);
        touched.dedup_by(|(pack, bits), (kept, kept_bits)| {
            let same = pack == kept;
            if same {
                *kept_bits |= *bits;
            }
            same
        });
        let mut remove = connection.prepare_cached("DELETE FROM pack WHERE seq = ?")?;
        let mut remove_bits = connection.prepare_cached("DELETE FROM settled WHERE seq = ?")?;
        let mut upsert = connection.prepare_cached(
            "INSERT INTO settled (seq, bits) VALUES (?1, ?2)
             ON CONFLICT (seq) DO UPDATE SET bits = ?2",
        )?;
        for (pack, bits) in &touched {
            let Some(known) = self.by_pack.get(pack) else {
                continue;
            };
            let settled = known.settled | bits;
            if settled & known.all != known.all {
                upsert.execute(params![*pack as i64, settled as i64])?;
                continue;
            }
            remove.execute([*pack as i64])?;
            if known.stored {
                remove_bits.execute([*pack as i64])?;
            }
        }
        Ok(touched)
    }

    /// A transaction is durable.
    pub(super) fn committed(&mut self, drafts: &Drafts, touched: Touched) {
        for (pack, draft) in (drafts.first..).zip(&drafts.drafts) {
            self.recover(pack, draft.count, None);
        }
        for (pack, bits) in touched {
            let Some(known) = self.by_pack.get_mut(&pack) else {
                continue;
            };
            known.settled |= bits;
            known.stored = true;
            if known.settled & known.all == known.all {
                self.by_pack.remove(&pack);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_split_as_it_was_packed() {
        let mut group = Group::new(QueueName::DEFAULT, 0, Priority::default());
        for n in 0..3 {
            let message = Message::command("t".into(), vec![b'x'; n * 100]);
            group.push(message.into());
        }
        let envelopes = split(&group.bytes.clone().into());
        let mut decoder = celeriac_core::wire::Decoder::new();
        let read: Vec<_> = envelopes.iter().map(|bytes| decoder.decode(bytes)).collect();
        for (message, read) in group.messages.iter().zip(read) {
            assert_eq!(**message, read.unwrap());
        }
        let cut = Bytes::from(group.bytes).slice(..200);
        assert_eq!(split(&cut).len(), 2);
    }
}
