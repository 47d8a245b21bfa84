//! Tickets: how many messages of senders wait, and whether more may.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use celeriac_core::error::Result;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Desk, WhenFull};

/// Messages that are on their way through a desk.
pub(crate) struct Ticket {
    desk: Arc<Desk>,
    messages: usize,
}

impl Desk {
    /// Counts messages of a sender in. While the broker is down, no more may
    /// wait than the options say.
    pub(crate) async fn admit(self: &Arc<Self>, messages: usize) -> Result<Ticket> {
        let mut deadline = None;
        loop {
            let room = self.room.notified();
            if self.try_admit(messages) {
                return Ok(Ticket { desk: self.clone(), messages });
            }
            if self.options.when_full == WhenFull::Refuse {
                return Err(self.full());
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.options.wait);
            if timeout_at(deadline, room).await.is_err() {
                return Err(self.waited_in_vain());
            }
        }
    }

    fn try_admit(&self, messages: usize) -> bool {
        if self.is_clear() {
            self.tickets.fetch_add(messages, Ordering::AcqRel);
            return true;
        }
        let is_counted_on_disk = self.disk.is_some() && !self.state.lock().disk_failed;
        let limit = self.options.limit;
        let fits = |before: usize| {
            let after = before.saturating_add(messages);
            (is_counted_on_disk || before == 0 || after <= limit).then_some(after)
        };
        self.tickets.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
    }

    /// What `asked` gives, unless that takes longer than a sender waits.
    pub(crate) async fn in_line<T>(&self, asked: impl Future<Output = T>) -> Result<T> {
        timeout(self.options.wait, asked).await.map_err(|_| self.waited_in_vain())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.desk.tickets.fetch_sub(self.messages, Ordering::AcqRel);
        if !self.desk.is_clear() {
            self.desk.room.notify_waiters();
        }
    }
}
