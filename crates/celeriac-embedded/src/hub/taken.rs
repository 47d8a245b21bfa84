//! Due messages on the way to whoever takes them: what does not arrive is due
//! again at once, not only after its lease.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::Timestamp;

use super::Hub;
use crate::live::{Due, Wake};

/// Due messages that were taken. Put back when this is dropped, unless they were
/// [delivered](Self::delivered).
#[derive(Debug)]
pub(crate) struct TakenDue {
    hub: Arc<Hub>,
    due: Vec<Due>,
}

impl TakenDue {
    /// Takes at most `max` that are due.
    pub(crate) fn take(hub: &Arc<Hub>, now: Timestamp, max: usize, lease: Duration) -> Self {
        let due = hub.timers.lock().take_due(now, max, lease);
        Self { hub: hub.clone(), due }
    }

    pub(crate) fn due(&self) -> &[Due] {
        &self.due
    }

    /// They have reached who takes them, whose lease counts from now on.
    pub(crate) fn delivered(mut self) {
        self.due.clear();
    }
}

impl Drop for TakenDue {
    fn drop(&mut self) {
        if self.due.is_empty() {
            return;
        }
        let mut wake = Wake::default();
        let mut timers = self.hub.timers.lock();
        for due in &self.due {
            timers.put_back(due, &mut wake);
        }
    }
}
