//! A long queue in chunks: it grows without copying, gives every item a
//! sequence number for life, and lets go of items in any order.

use std::collections::VecDeque;

const CHUNK: usize = 1024;

#[derive(Debug)]
pub(crate) struct Ring<T> {
    chunks: VecDeque<Vec<Option<T>>>,
    /// The sequence number of the first place in the first chunk.
    base: u64,
    /// No item has a sequence number below this.
    front: u64,
    end: u64,
    len: usize,
    spare: Option<Vec<Option<T>>>,
}

impl<T> Ring<T> {
    pub(crate) fn new() -> Self {
        Self { chunks: VecDeque::new(), base: 0, front: 0, end: 0, len: 0, spare: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// No item has a sequence number below this.
    pub(crate) fn front(&self) -> u64 {
        self.front
    }

    /// The sequence number that ends in these bits.
    pub(crate) fn widen(&self, low: u32) -> u64 {
        self.front + u64::from(low.wrapping_sub(self.front as u32))
    }

    /// Appends an item; gives its sequence number.
    pub(crate) fn push(&mut self, item: T) -> u64 {
        let sequence = self.end;
        let full = self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK);
        if full {
            let chunk = self.spare.take();
            let chunk = chunk.unwrap_or_else(|| Vec::with_capacity(CHUNK));
            self.chunks.push_back(chunk);
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(Some(item));
        }
        self.end += 1;
        self.len += 1;
        sequence
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&T> {
        let (chunk, offset) = self.locate(sequence)?;
        self.chunks.get(chunk)?.get(offset)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut T> {
        let (chunk, offset) = self.locate(sequence)?;
        self.chunks.get_mut(chunk)?.get_mut(offset)?.as_mut()
    }

    /// Takes an item out, wherever it is.
    pub(crate) fn take(&mut self, sequence: u64) -> Option<T> {
        let (chunk, offset) = self.locate(sequence)?;
        let item = self.chunks.get_mut(chunk)?.get_mut(offset)?.take()?;
        self.len -= 1;
        self.advance();
        Some(item)
    }

    /// Takes the oldest item out.
    pub(crate) fn pop_oldest(&mut self) -> Option<T> {
        // `advance` leaves `front` at an item, or at the end.
        self.take(self.front)
    }

    fn locate(&self, sequence: u64) -> Option<(usize, usize)> {
        let offset = usize::try_from(sequence.checked_sub(self.base)?).ok()?;
        Some((offset / CHUNK, offset % CHUNK))
    }

    fn advance(&mut self) {
        while self.front < self.end && self.get(self.front).is_none() {
            self.front += 1;
            if self.front == self.base + CHUNK as u64 {
                self.base = self.front;
                self.spare = self.chunks.pop_front().map(|mut chunk| {
                    chunk.clear();
                    chunk
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_sequence_while_others_go() {
        let mut ring = Ring::new();
        let sequences: Vec<u64> = (0..5000).map(|n| ring.push(n)).collect();
        for sequence in sequences.iter().skip(1).step_by(2) {
            assert!(ring.take(*sequence).is_some());
            assert_eq!(ring.take(*sequence), None);
        }
        assert_eq!(ring.len(), 2500);
        assert_eq!(ring.get(4000), Some(&4000));
        for n in (0..5000).step_by(2) {
            assert_eq!(ring.pop_oldest(), Some(n));
        }
        assert_eq!((ring.pop_oldest(), ring.len()), (None, 0));
        assert!(ring.chunks.len() <= 1);
        let next = ring.push(7);
        assert_eq!((next, ring.get(next)), (5000, Some(&7)));
    }
}
