//! What waits for its time, in order of time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Message, MessageId, Timestamp};
use tokio::sync::Notify;

use super::id_map::IdMap;
use super::wake::{Wake, join};

#[derive(Debug)]
struct Waiting {
    due: Timestamp,
    message: Arc<Message>,
}

/// What waits for its time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_id: IdMap<Waiting>,
    order: BTreeSet<(Timestamp, MessageId)>,
    /// Whether the first may have come nearer since somebody asked.
    nearer: bool,
    waiting: Vec<Arc<Notify>>,
}

impl Timers {
    pub(crate) fn schedule(&mut self, message: Arc<Message>, wake: &mut Wake) {
        let due = message.rare().eta.unwrap_or_default();
        let id = message.id;
        let first = self.next_due();
        if let Some(former) = self.by_id.insert(id, Waiting { due, message }) {
            self.order.remove(&(former.due, id));
        }
        self.order.insert((due, id));
        if first.is_none_or(|first| due < first) {
            self.nearer = true;
            wake.all(&mut self.waiting);
        }
    }

    /// Takes at most `max` that are due; they come again after `lease`.
    pub(crate) fn take_due(
        &mut self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> Vec<Arc<Message>> {
        let mut taken = Vec::new();
        let until = now.after(lease).max(Timestamp::from_millis(now.as_millis() + 1));
        while taken.len() < max {
            let due = self.order.first().is_some_and(|(due, _)| *due <= now);
            let Some((_, id)) = due.then(|| self.order.pop_first()).flatten() else {
                break;
            };
            if let Some(waiting) = self.by_id.get_mut(&id) {
                waiting.due = until;
                self.order.insert((until, id));
                taken.push(waiting.message.clone());
            }
        }
        taken
    }

    /// Removes a message unless another attempt took its place.
    pub(crate) fn unschedule(&mut self, message: &Message) -> bool {
        let id = message.id;
        let same = |waiting: &Waiting| waiting.message.attempt == message.attempt;
        if !self.by_id.get(&id).is_some_and(same) {
            return false;
        }
        if let Some(waiting) = self.by_id.remove(&id) {
            self.order.remove(&(waiting.due, id));
        }
        true
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _)| *due)
    }

    /// From here on, changes are news.
    pub(crate) fn seen(&mut self) {
        self.nearer = false;
    }

    /// Whether there is news; if not, `waiter` is told once there is.
    pub(crate) fn has_news(&mut self, waiter: &Arc<Notify>) -> bool {
        if !self.nearer {
            join(&mut self.waiting, waiter);
        }
        self.nearer
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn tell_all(&mut self, wake: &mut Wake) {
        wake.all(&mut self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Name;

    fn message(eta: u64) -> Arc<Message> {
        let mut message = Message::command(Name::from_static("t"), "");
        message.rare_mut().eta = Some(Timestamp::from_millis(eta));
        message.into()
    }

    #[test]
    fn due_messages_come_in_order_and_again_after_their_lease() {
        let mut timers = Timers::default();
        let (late, early) = (message(20), message(10));
        timers.schedule(late.clone(), &mut Wake::default());
        timers.schedule(early.clone(), &mut Wake::default());
        let take = |timers: &mut Timers, now| {
            timers.take_due(Timestamp::from_millis(now), 9, Duration::from_millis(100))
        };
        assert!(take(&mut timers, 9).is_empty());
        assert_eq!(take(&mut timers, 30), [early.clone(), late.clone()]);
        assert!(take(&mut timers, 31).is_empty());
        assert!(timers.unschedule(&early));
        assert_eq!(timers.next_due(), Some(Timestamp::from_millis(130)));
        assert_eq!(take(&mut timers, 130), [late]);
    }

    #[test]
    fn another_attempt_is_not_unscheduled() {
        let mut timers = Timers::default();
        let first = message(10);
        let mut second = (*first).clone();
        second.attempt = 1;
        timers.schedule(first.clone(), &mut Wake::default());
        timers.schedule(second.into(), &mut Wake::default());
        assert!(!timers.unschedule(&first));
        assert_eq!(timers.len(), 1);
    }
}
