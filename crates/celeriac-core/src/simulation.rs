//! A simulation's clock and randomness, in place of the machine's.
//!
//! Times and ids are read where something enters the system: a simulation that
//! decides everything by a seed has to decide these too. It holds for one
//! thread, and costs nothing where the cargo feature `simulation` is off.

#[cfg(feature = "simulation")]
use std::cell::RefCell;

use crate::Timestamp;

/// Where a simulation takes the time and its random bits from.
pub trait Source {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// The next random bits.
    fn random(&mut self) -> u128;
}

#[cfg(feature = "simulation")]
thread_local! {
    static SOURCE: RefCell<Option<Box<dyn Source>>> = const { RefCell::new(None) };
}

/// While this lives, its thread is in the simulation.
#[cfg(feature = "simulation")]
#[must_use = "the simulation ends when this is dropped"]
#[derive(Debug)]
pub struct Entered(());

/// Lets this thread take times and random bits from `source`, until the guard
/// is dropped. A later source takes the place of an earlier one.
#[cfg(feature = "simulation")]
pub fn enter(source: impl Source + 'static) -> Entered {
    SOURCE.set(Some(Box::new(source)));
    Entered(())
}

#[cfg(feature = "simulation")]
impl Drop for Entered {
    fn drop(&mut self) {
        SOURCE.set(None);
    }
}

/// Whether this thread is in a simulation: it must not wait for other threads.
#[must_use]
pub fn is_entered() -> bool {
    #[cfg(feature = "simulation")]
    return SOURCE.with_borrow(Option::is_some);
    #[cfg(not(feature = "simulation"))]
    false
}

/// The time of the simulation, in one.
pub(crate) fn now() -> Option<Timestamp> {
    #[cfg(feature = "simulation")]
    return SOURCE.with_borrow(|source| source.as_ref().map(|source| source.now()));
    #[cfg(not(feature = "simulation"))]
    None
}

/// Random bits of the simulation, in one.
pub(crate) fn random() -> Option<u128> {
    #[cfg(feature = "simulation")]
    return SOURCE.with_borrow_mut(|source| source.as_mut().map(|source| source.random()));
    #[cfg(not(feature = "simulation"))]
    None
}
