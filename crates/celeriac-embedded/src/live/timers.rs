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
    attempt: u32,
    /// `None` for one that is on disk only.
    message: Option<Arc<Message>>,
}

/// A message that is due, and was taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Due {
    pub(crate) id: MessageId,
    attempt: u32,
    /// When it was due.
    due: Timestamp,
    /// When it comes again.
    until: Timestamp,
    /// `None` for one that is on disk only.
    pub(crate) message: Option<Arc<Message>>,
}

/// What waits for its time.
#[derive(Debug)]
pub(crate) struct Timers {
    by_id: IdMap<Waiting>,
    order: BTreeSet<(Timestamp, MessageId)>,
    /// How many messages may be in memory.
    limit: usize,
    /// How many are.
    in_memory: usize,
    /// How often the first has come nearer.
    nearer: u64,
    waiting: Vec<Arc<Notify>>,
}

impl Timers {
    /// Nothing waits yet; at most `limit` messages will be in memory, and of
    /// the others only when they are due.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            by_id: IdMap::default(),
            order: BTreeSet::new(),
            limit,
            in_memory: 0,
            nearer: 0,
            waiting: Vec::new(),
        }
    }

    /// Keeps a message until its time.
    pub(crate) fn schedule(&mut self, message: Arc<Message>, wake: &mut Wake) {
        let due = message.rare().eta.unwrap_or_default();
        let (id, attempt) = (message.id, message.attempt);
        let message = (self.in_memory < self.limit).then_some(message);
        self.insert(id, due, attempt, message, wake);
    }

    /// A message that is on disk was found when the store opened.
    pub(crate) fn recover(&mut self, id: MessageId, due: Timestamp, attempt: u32) {
        self.insert(id, due, attempt, None, &mut Wake::default());
    }

    fn insert(
        &mut self,
        id: MessageId,
        due: Timestamp,
        attempt: u32,
        message: Option<Arc<Message>>,
        wake: &mut Wake,
    ) {
        if self.by_id.get(&id).is_some_and(|waiting| waiting.attempt > attempt) {
            // An earlier attempt came again, and failed again.
            return;
        }
        let first = self.next_due();
        self.in_memory += usize::from(message.is_some());
        let waiting = Waiting { due, attempt, message };
        if let Some(former) = self.by_id.insert(id, waiting) {
            self.in_memory -= usize::from(former.message.is_some());
            self.order.remove(&(former.due, id));
        }
        self.order.insert((due, id));
        if first.is_none_or(|first| due < first) {
            self.nearer += 1;
            wake.all(&mut self.waiting);
        }
    }

    /// Takes at most `max` that are due; they come again after `lease`.
    pub(crate) fn take_due(&mut self, now: Timestamp, max: usize, lease: Duration) -> Vec<Due> {
        let mut taken = Vec::new();
        // A lease of no time would give the same one again and again.
        let until = now.after(lease.max(Duration::from_millis(1)));
        while taken.len() < max {
            let due = self.order.first().is_some_and(|(due, _)| *due <= now);
            let Some((_, id)) = due.then(|| self.order.pop_first()).flatten() else {
                break;
            };
            if let Some(waiting) = self.by_id.get_mut(&id) {
                let due = std::mem::replace(&mut waiting.due, until);
                self.order.insert((until, id));
                let (attempt, message) = (waiting.attempt, waiting.message.clone());
                taken.push(Due { id, attempt, due, until, message });
            }
        }
        taken
    }

    /// Gives back one that was taken and has reached nobody, unless it was taken
    /// anew, or something else took its place.
    pub(crate) fn put_back(&mut self, taken: &Due, wake: &mut Wake) {
        let first = self.next_due();
        let Some(waiting) = self.by_id.get_mut(&taken.id) else {
            return;
        };
        if waiting.due != taken.until || waiting.attempt != taken.attempt {
            return;
        }
        waiting.due = taken.due;
        self.order.remove(&(taken.until, taken.id));
        self.order.insert((taken.due, taken.id));
        if first.is_none_or(|first| taken.due < first) {
            self.nearer += 1;
            wake.all(&mut self.waiting);
        }
    }

    /// Removes a message unless another attempt took its place.
    pub(crate) fn unschedule(&mut self, id: MessageId, attempt: u32) {
        let same = |waiting: &Waiting| waiting.attempt == attempt;
        if !self.by_id.get(&id).is_some_and(same) {
            return;
        }
        if let Some(waiting) = self.by_id.remove(&id) {
            self.in_memory -= usize::from(waiting.message.is_some());
            self.order.remove(&(waiting.due, id));
        }
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _)| *due)
    }

    /// How often the first has come nearer so far.
    pub(crate) fn nearer(&self) -> u64 {
        self.nearer
    }

    /// Whether the first has come nearer since; if not, `waiter` is told once
    /// it has.
    pub(crate) fn has_news(&mut self, since: u64, waiter: &Arc<Notify>) -> bool {
        let news = self.nearer != since;
        if !news {
            join(&mut self.waiting, waiter);
        }
        news
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

    fn take(timers: &mut Timers, now: u64) -> Vec<MessageId> {
        let due = timers.take_due(Timestamp::from_millis(now), 9, Duration::from_millis(100));
        due.into_iter().map(|due| due.id).collect()
    }

    #[test]
    fn due_messages_come_in_order_and_again_after_their_lease() {
        let mut timers = Timers::new(1);
        let (late, early) = (message(20), message(10));
        timers.schedule(late.clone(), &mut Wake::default());
        timers.schedule(early.clone(), &mut Wake::default());
        assert!(take(&mut timers, 9).is_empty());
        assert_eq!(take(&mut timers, 30), [early.id, late.id]);
        assert!(take(&mut timers, 31).is_empty());
        timers.unschedule(early.id, 0);
        assert_eq!(timers.next_due(), Some(Timestamp::from_millis(130)));
        assert_eq!(take(&mut timers, 130), [late.id]);
        timers.unschedule(late.id, 0);
        assert_eq!((timers.len(), timers.in_memory), (0, 0));
    }

    #[test]
    fn what_reached_nobody_is_due_again_unless_it_was_taken_anew() {
        let mut timers = Timers::new(9);
        timers.schedule(message(10), &mut Wake::default());
        let lease = Duration::from_millis(100);
        let first = timers.take_due(Timestamp::from_millis(20), 9, lease);
        timers.put_back(&first[0], &mut Wake::default());
        assert_eq!(timers.next_due(), Some(Timestamp::from_millis(10)));
        let second = timers.take_due(Timestamp::from_millis(30), 9, lease);
        timers.put_back(&first[0], &mut Wake::default());
        assert_eq!(timers.next_due(), Some(Timestamp::from_millis(130)));
        timers.unschedule(second[0].id, 0);
        timers.put_back(&second[0], &mut Wake::default());
        assert_eq!(timers.next_due(), None);
    }

    #[test]
    fn an_earlier_attempt_does_not_take_the_place_of_a_later_one() {
        let mut timers = Timers::new(9);
        let first = message(10);
        let mut second = Message::clone(&first);
        second.attempt = 1;
        timers.schedule(second.into(), &mut Wake::default());
        timers.schedule(first.clone(), &mut Wake::default());
        timers.unschedule(first.id, 0);
        assert_eq!((timers.len(), timers.in_memory), (1, 1));
    }

    #[test]
    fn another_attempt_is_not_unscheduled() {
        let mut timers = Timers::new(9);
        let first = message(10);
        let mut second = (*first).clone();
        second.attempt = 1;
        timers.schedule(first.clone(), &mut Wake::default());
        timers.schedule(second.into(), &mut Wake::default());
        timers.unschedule(first.id, first.attempt);
        assert_eq!(timers.len(), 1);
    }
}
