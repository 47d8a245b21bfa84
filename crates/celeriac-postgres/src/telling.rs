//! Telling what has changed: this process at once, the others soon.

use std::sync::Arc;

use jumpstarter::Address;

use crate::notifier::Notifier;
use crate::signals::{Signal, Signals};

/// Tells what has changed.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) signals: Arc<Signals>,
    pub(crate) notifier: Address<Notifier>,
}

impl Teller {
    pub(crate) fn tell(&self, signal: Signal) {
        self.signals.wake(&signal);
        // Whoever misses it looks by itself soon.
        let _ = self.notifier.try_tell(signal);
    }
}
