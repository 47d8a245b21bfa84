//! What goes back to the server without its caller waiting for it, and those
//! who wait until it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How much is on its way back.
#[derive(Default)]
pub(crate) struct Departures {
    count: AtomicUsize,
    none: Notify,
}

/// Something on its way back; it is there when this is dropped.
pub(crate) struct Departure(Arc<Departures>);

impl Departures {
    pub(crate) fn begin(self: &Arc<Self>) -> Departure {
        self.count.fetch_add(1, Ordering::AcqRel);
        Departure(self.clone())
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn over(&self) {
        loop {
            let none = self.none.notified();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
