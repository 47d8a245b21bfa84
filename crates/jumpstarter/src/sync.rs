//! The locks, atomics and thread-locals that actors meet at: parking_lot's and
//! std's, or shuttle's, which try other interleavings each time (`cargo xtask shuttle`).
//!
//! Counters that nobody waits for stay std's.

#[cfg(not(shuttle))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(shuttle))]
pub(crate) use spinning::SpinMutex;
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic;
#[cfg(not(shuttle))]
pub(crate) use std::thread_local as per_thread;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic;
#[cfg(shuttle)]
pub(crate) use shuttle::thread_local as per_thread;
#[cfg(shuttle)]
pub(crate) use shuttled::Mutex;
#[cfg(shuttle)]
pub(crate) use shuttled::Mutex as SpinMutex;

#[cfg(not(shuttle))]
mod spinning {
    use crossbeam_utils::Backoff;
    use spin::mutex::{SpinMutex as Flag, SpinMutexGuard};

    /// A lock for a few instructions that each message, or each spawn, passes through. It
    /// is released by a plain store, where parking_lot's needs a second atomic operation:
    /// those two were 85 % of a tell.
    ///
    /// Who finds it taken spins, then lets other threads run. So nobody is woken, and a
    /// thread that was interrupted while it held the lock has the others wait for it
    /// with their share of the processor; threads with real-time priorities must not
    /// meet at one.
    pub(crate) struct SpinMutex<T>(Flag<T>);

    impl<T: Default> Default for SpinMutex<T> {
        fn default() -> Self {
            SpinMutex::new(T::default())
        }
    }

    impl<T> SpinMutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            SpinMutex(Flag::new(value))
        }

        #[inline]
        pub(crate) fn lock(&self) -> SpinMutexGuard<'_, T> {
            match self.0.try_lock() {
                Some(guard) => guard,
                None => self.lock_contended(),
            }
        }

        #[cold]
        fn lock_contended(&self) -> SpinMutexGuard<'_, T> {
            let backoff = Backoff::new();
            loop {
                backoff.snooze();
                // Looked at first, so that it stays in the cache of who has it.
                if !self.0.is_locked()
                    && let Some(guard) = self.0.try_lock()
                {
                    return guard;
                }
            }
        }
    }
}

#[cfg(shuttle)]
mod shuttled {
    use std::sync::PoisonError;

    use shuttle::sync::MutexGuard;

    /// As parking_lot's: without poisoning.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
