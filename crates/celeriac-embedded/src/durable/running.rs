//! What is being run, so that a death can be counted: a file of 16-byte slots,
//! one per delivery in flight, each with the id of a message that has begun or
//! with zeros. It outlives the process, and need not outlive the machine.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use celeriac_core::MessageId;
use celeriac_core::broker::Receipt;
use parking_lot::Mutex;

use crate::live::slot_of;

/// The name of the file in its directory.
pub(super) const RUNNING: &str = "running";

const SLOT: usize = 16;
/// The file grows by this many slots.
const GROWTH: usize = 4096;
/// A gap of this many slots between two neighbours is worth a second write.
const GAP: usize = 4096;

/// What is being run.
#[derive(Debug)]
pub(super) struct Running {
    slots: Mutex<Slots>,
}

#[derive(Debug)]
struct Slots {
    file: File,
    /// What the file holds.
    ids: Vec<u8>,
    /// Whose id stands in each slot.
    receipts: Vec<Option<Receipt>>,
}

impl Running {
    /// Reads what was being run when the last owner ended, if it died.
    pub(super) fn read(directory: &Path) -> io::Result<Vec<MessageId>> {
        let bytes = match std::fs::read(directory.join(RUNNING)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (slots, _) = bytes.as_chunks::<SLOT>();
        let begun = slots.iter().filter(|slot| **slot != [0; SLOT]);
        Ok(begun.map(|slot| MessageId::from_bytes(*slot)).collect())
    }

    /// Begins anew: nothing is being run.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        let mut file = File::create(directory.join(RUNNING))?;
        // So that a full disk does not keep tasks from running.
        file.write_all(&[0; GROWTH * SLOT])?;
        Ok(Self { slots: Mutex::new(Slots { file, ids: Vec::new(), receipts: Vec::new() }) })
    }

    /// Nothing is being run.
    pub(super) fn clear(&self) -> io::Result<()> {
        let mut slots = self.slots.lock();
        slots.ids.clear();
        slots.receipts.clear();
        slots.file.set_len(0)
    }

    /// These are about to run.
    pub(super) fn begin(&self, begun: &[(Receipt, MessageId)]) -> io::Result<()> {
        let mut slots = self.slots.lock();
        let highest = begun.iter().map(|(receipt, _)| slot_of(*receipt)).max();
        let needed = highest.map_or(0, |highest| highest + 1);
        if needed > slots.receipts.len() {
            let length = needed.next_multiple_of(GROWTH);
            slots.receipts.resize(length, None);
            slots.ids.resize(length * SLOT, 0);
        }
        for (receipt, id) in begun {
            let slot = slot_of(*receipt);
            slots.receipts[slot] = Some(*receipt);
            slots.ids[slot * SLOT..][..SLOT].copy_from_slice(id.as_bytes());
        }
        slots.write(begun.iter().map(|(receipt, _)| slot_of(*receipt)).collect())
    }

    /// These run no longer.
    pub(super) fn end(&self, receipts: &[Receipt]) -> io::Result<()> {
        let mut slots = self.slots.lock();
        let mut changed = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let slot = slot_of(*receipt);
            // Another delivery may have begun in this slot meanwhile.
            let ours = slots.receipts.get(slot).is_some_and(|known| *known == Some(*receipt));
            if ours {
                slots.receipts[slot] = None;
                slots.ids[slot * SLOT..][..SLOT].fill(0);
                changed.push(slot);
            }
        }
        slots.write(changed)
    }
}

impl Slots {
    /// Writes slots, and whatever stands between them; twice at most.
    fn write(&self, mut changed: Vec<usize>) -> io::Result<()> {
        changed.sort_unstable();
        let (Some(first), Some(last)) = (changed.first(), changed.last()) else {
            return Ok(());
        };
        let gaps = changed.windows(2).map(|pair| (pair[1] - pair[0], pair));
        match gaps.max_by_key(|(gap, _)| *gap) {
            Some((gap, pair)) if gap > GAP => {
                self.write_range(*first, pair[0])?;
                self.write_range(pair[1], *last)
            }
            _ => self.write_range(*first, *last),
        }
    }

    fn write_range(&self, first: usize, last: usize) -> io::Result<()> {
        let bytes = &self.ids[first * SLOT..(last + 1) * SLOT];
        self.file.write_all_at(bytes, (first * SLOT) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_begun_and_not_ended_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Running::read(directory.path()).unwrap().is_empty());
        let running = Running::create(directory.path()).unwrap();
        let ids: Vec<_> = (0..4).map(|_| MessageId::new()).collect();
        let receipt = |generation: u64, slot: u64| Receipt(generation << 32 | slot);
        let begun = [(receipt(1, 3), ids[0]), (receipt(1, 0), ids[1]), (receipt(1, 9000), ids[2])];
        running.begin(&begun).unwrap();
        running.begin(&[(receipt(2, 0), ids[3])]).unwrap();
        running.end(&[receipt(1, 0), receipt(1, 3), receipt(7, 5)]).unwrap();
        assert_eq!(Running::read(directory.path()).unwrap(), [ids[3], ids[2]]);
        running.clear().unwrap();
        assert!(Running::read(directory.path()).unwrap().is_empty());
        running.end(&[receipt(2, 0)]).unwrap();
        running.begin(&begun[..1]).unwrap();
        assert_eq!(Running::read(directory.path()).unwrap(), [ids[0]]);
    }
}
