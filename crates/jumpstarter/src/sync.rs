//! The locks, atomics and thread-locals that actors meet at: parking_lot's and
//! std's, or shuttle's, which try other interleavings each time (`cargo xtask shuttle`).
//!
//! Counters that nobody waits for stay std's.

#[cfg(not(shuttle))]
pub(crate) use parking_lot::Mutex;
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
