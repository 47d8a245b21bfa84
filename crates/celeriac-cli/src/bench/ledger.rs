//! The ledger of a measurement: which tasks ran, how often, and when they began.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;

/// Room is given back in groups of this many, so that the semaphore costs little.
const GROUP: u64 = 64;

/// What the bench's tasks write to.
pub(super) struct Ledger {
    /// Tells this run's tasks from those of another.
    run: u64,
    /// One bit for each task: whether it ran.
    ran: Box<[AtomicU64]>,
    /// Runs of tasks that had run already.
    duplicates: AtomicU64,
    /// Runs of tasks of another bench on the same server.
    strays: AtomicU64,
    executions: AtomicU64,
    /// When the last task began, in nanoseconds since `epoch`.
    began: AtomicU64,
    epoch: Instant,
    /// Room for tasks that were not run yet.
    room: Semaphore,
}

impl Ledger {
    /// A ledger of `tasks` tasks of this `run`, of which at most `window` wait
    /// at a time.
    pub(super) fn new(run: u64, tasks: usize, window: usize) -> Self {
        Self {
            run,
            ran: (0..tasks.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            duplicates: AtomicU64::new(0),
            strays: AtomicU64::new(0),
            executions: AtomicU64::new(0),
            began: AtomicU64::new(0),
            epoch: Instant::now(),
            room: Semaphore::new(window),
        }
    }

    pub(super) const fn run(&self) -> u64 {
        self.run
    }

    /// Enters that the task of this index ran.
    pub(super) fn enter(&self, run: u64, index: u64) {
        if run != self.run {
            self.strays.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let began = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.began.store(began, Ordering::Relaxed);
        let bit = 1_u64 << (index % 64);
        let word = usize::try_from(index / 64).ok().and_then(|word| self.ran.get(word));
        let ran_before = word.is_none_or(|word| word.fetch_or(bit, Ordering::Relaxed) & bit != 0);
        if ran_before {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
        }
        let executions = self.executions.fetch_add(1, Ordering::AcqRel) + 1;
        if executions.is_multiple_of(GROUP) {
            self.room.add_permits(GROUP as usize);
        }
    }

    /// Waits until there is room for `tasks` more, and takes it. `tasks` must be
    /// at most the window less [`GROUP`], or it waits for ever.
    pub(super) async fn take_room(&self, tasks: u32) {
        // The semaphore is never closed.
        if let Ok(permit) = self.room.acquire_many(tasks).await {
            permit.forget();
        }
    }

    /// How often tasks ran.
    pub(super) fn executions(&self) -> u64 {
        self.executions.load(Ordering::Acquire)
    }

    /// How often tasks ran that had run already.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates.load(Ordering::Relaxed)
    }

    /// How many tasks of another bench ran here.
    pub(super) fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }

    /// Whether the task of this index ran.
    pub(super) fn has_run(&self, index: usize) -> bool {
        let word = self.ran.get(index / 64).map_or(0, |word| word.load(Ordering::Relaxed));
        word & (1 << (index % 64)) != 0
    }

    /// Nanoseconds from `instant` until the last task began.
    pub(super) fn began_after(&self, instant: Instant) -> u64 {
        let sent = instant.saturating_duration_since(self.epoch).as_nanos();
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        self.began.load(Ordering::Relaxed).saturating_sub(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_counted_and_repetitions_are_told_apart() {
        let ledger = Ledger::new(7, 130, 1);
        for index in [0, 63, 64, 129, 64] {
            ledger.enter(7, index);
        }
        ledger.enter(8, 1);
        assert_eq!((ledger.executions(), ledger.duplicates(), ledger.strays()), (5, 1, 1));
        let ran: Vec<_> = (0..130).filter(|index| ledger.has_run(*index)).collect();
        assert_eq!(ran, [0, 63, 64, 129]);
    }

    #[tokio::test]
    async fn runs_make_room() {
        let ledger = Ledger::new(7, 64, 1);
        ledger.take_room(1).await;
        for index in 0..64 {
            ledger.enter(7, index);
        }
        ledger.take_room(64).await;
    }
}
