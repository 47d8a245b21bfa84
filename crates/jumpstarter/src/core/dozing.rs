//! Actors that wait for messages since their start, and are no tasks of the runtime until
//! somebody wants them. See [`crate::nursery`].

use super::{Core, DOZES, is_only_to_start, is_quiet};
use crate::nursery::Nursling;
use crate::sync::atomic::Ordering;

impl Core {
    /// Keeps an actor that waits. Who changed the word, or sent a message, before found
    /// nobody to rouse, so the caller looks at both afterwards; who does it later finds it.
    pub(crate) fn doze(&self, nursling: Box<dyn Nursling>) {
        self.control.lock().dozing = Some(nursling);
        self.word.fetch_or(DOZES, Ordering::AcqRel);
    }

    #[inline]
    pub(super) fn is_dozing(&self) -> bool {
        self.word() & DOZES != 0
    }

    /// Makes a task of one that dozes.
    #[cold]
    pub(crate) fn rouse(&self) {
        if let Some(nursling) = self.take_dozing() {
            self.lower(DOZES);
            nursling.grow_up();
        }
    }

    /// One that dozes, taken from where it is kept.
    pub(crate) fn take_dozing(&self) -> Option<Box<dyn Nursling>> {
        self.control.lock().dozing.take()
    }

    /// Whether the loop is to look at anything else than messages. What was noted for it
    /// before the question is seen by who asks.
    pub(crate) fn is_asked(&self) -> bool {
        let word = self.word.fetch_or(0, Ordering::AcqRel);
        !is_quiet(word) || self.injection.is_asked()
    }

    /// Whether nothing is asked of one that was not started, but its end after that.
    pub(crate) fn is_only_to_start(&self) -> bool {
        is_only_to_start(self.word()) && !self.injection.is_asked()
    }
}
