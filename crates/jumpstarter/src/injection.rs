//! Crashes that tests ask for from outside. Nothing here is for production.

use crate::sync::atomic::{AtomicBool, Ordering};

use crate::core::Core;
use crate::error::{BoxError, Cause, Crash};
use crate::system::System;

/// Whether a crash was asked for.
#[derive(Default)]
pub(crate) struct Injection(AtomicBool);

impl Injection {
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// The crash that was asked for, once.
    #[inline]
    pub(crate) fn take(&self) -> Option<Crash> {
        let asked = self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel);
        asked.then(|| Crash::new(Cause::Panic, BoxError::from("a test crashed it")))
    }
}

impl System {
    /// Crashes the actor at that path as a panic at its present await would:
    /// whatever it does there is dropped. Says whether there is such an actor.
    ///
    /// One that is between a crash and its restart crashes again after it. One
    /// that blocks its thread crashes when it awaits something.
    #[doc(hidden)]
    pub fn crash(&self, path: &str) -> bool {
        let Some(cell) = self.find_cell(path) else { return false };
        inject(cell.core());
        true
    }
}

fn inject(core: &Core) {
    core.injection.0.store(true, Ordering::Release);
    // Wakes it; changes nothing else.
    core.raise(0);
}
