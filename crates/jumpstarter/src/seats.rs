//! Actors, each in a seat that its core remembers: to come and to go takes no search.

use std::sync::Arc;

use crate::cell::AnyCell;
use crate::core::Core;
use crate::sync::atomic::Ordering;

/// In no order; an actor is in one of these at a time.
#[derive(Default)]
pub(crate) struct Seats(Vec<Arc<dyn AnyCell>>);

impl Seats {
    pub(crate) fn add(&mut self, cell: Arc<dyn AnyCell>) {
        seat(&cell, self.0.len());
        self.0.push(cell);
    }

    /// Takes an actor out, if it is here. To be dropped outside of locks: that may run
    /// the code of others.
    pub(crate) fn take(&mut self, core: &Core) -> Option<Arc<dyn AnyCell>> {
        let place = core.seat.load(Ordering::Relaxed) as usize;
        // It may be somebody else's, or one of another list.
        self.0.get(place).filter(|cell| cell.core().id == core.id)?;
        let left = self.0.swap_remove(place);
        if let Some(moved) = self.0.get(place) {
            seat(moved, place);
        }
        Some(left)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Arc<dyn AnyCell>> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn AnyCell>> {
        self.0.iter()
    }

    /// Those whose number is at least this one, in no order.
    pub(crate) fn since(&self, id: u64) -> Vec<Arc<dyn AnyCell>> {
        self.0.iter().filter(|cell| cell.core().id >= id).cloned().collect()
    }
}

/// Brings actors into the order of their spawning; takes its time, so outside of locks.
pub(crate) fn put_in_order(cells: &mut [Arc<dyn AnyCell>]) {
    cells.sort_unstable_by_key(|cell| cell.core().id);
}

/// Memory ends long before the numbers do.
fn seat(cell: &Arc<dyn AnyCell>, place: usize) {
    cell.core().seat.store(u32::try_from(place).unwrap_or(u32::MAX), Ordering::Relaxed);
}
