//! Who waits for what: hears what the server publishes, and wakes those whom it
//! concerns. When the connection breaks, and from time to time, everybody
//! looks again: what was published meanwhile is not heard.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use celeriac_core::MessageId;
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use crate::key::Keys;

/// One consumer's or sender's interest in a queue.
#[derive(Debug)]
pub(crate) struct QueueEar {
    /// Whether something may wait there. Cleared before it is looked for.
    pub(crate) may_have_messages: AtomicBool,
    pub(crate) notify: Arc<Notify>,
}

impl QueueEar {
    pub(crate) fn new(notify: &Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { may_have_messages: AtomicBool::new(true), notify: notify.clone() })
    }

    fn hear(&self) {
        self.may_have_messages.store(true, Ordering::Release);
        self.notify.notify_one();
    }
}

/// Who waits for what.
pub(crate) struct Wakes {
    changes: String,
    timers: String,
    revoked: String,
    queues: Mutex<HashMap<String, Vec<Arc<QueueEar>>>>,
    watchers: Mutex<HashMap<MessageId, Vec<Arc<Notify>>>>,
    timer_waiters: Notify,
    revocation_waiters: Notify,
    /// Grows with every revocation that was heard of, and with every break.
    revocations: AtomicU64,
    /// Wakes everybody at the end.
    closed: AtomicBool,
}

impl Wakes {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self {
            changes: keys.changes_channel(),
            timers: keys.timers_channel(),
            revoked: keys.revoked_channel(),
            queues: Mutex::default(),
            watchers: Mutex::default(),
            timer_waiters: Notify::new(),
            revocation_waiters: Notify::new(),
            revocations: AtomicU64::new(1),
            closed: AtomicBool::new(false),
        }
    }

    /// What the server says without being asked.
    pub(crate) fn hear(&self, push: &PushInfo) {
        match (&push.kind, push.data.as_slice()) {
            (PushKind::Disconnection, _) => self.wake_all(),
            (PushKind::Message, [Value::BulkString(channel), Value::BulkString(payload)]) => {
                self.hear_on(&String::from_utf8_lossy(channel), payload);
            }
            _ => {}
        }
    }

    fn hear_on(&self, channel: &str, payload: &[u8]) {
        if channel == self.changes {
            self.changed(payload);
        } else if channel == self.timers {
            self.timer_waiters.notify_waiters();
        } else if channel == self.revoked {
            self.revocations.fetch_add(1, Ordering::AcqRel);
            self.revocation_waiters.notify_waiters();
        } else if let Some(ears) = self.queues.lock().get(channel) {
            ears.iter().for_each(|ear| ear.hear());
        }
    }

    /// The ids of a payload, 16 bytes each, have changed.
    fn changed(&self, payload: &[u8]) {
        let watchers = self.watchers.lock();
        if watchers.is_empty() {
            return;
        }
        let (ids, _) = payload.as_chunks::<16>();
        let concerned = ids.iter().filter_map(|id| watchers.get(&MessageId::from_bytes(*id)));
        concerned.flatten().for_each(|waiter| waiter.notify_one());
    }

    /// Everybody looks again.
    pub(crate) fn wake_all(&self) {
        self.queues.lock().values().flatten().for_each(|ear| ear.hear());
        self.watchers.lock().values().flatten().for_each(|waiter| waiter.notify_one());
        self.timer_waiters.notify_waiters();
        self.revocations.fetch_add(1, Ordering::AcqRel);
        self.revocation_waiters.notify_waiters();
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Listens on a queue's channel, which must be subscribed to as well.
    pub(crate) fn listen(&self, channel: &str, ear: &Arc<QueueEar>) {
        let mut queues = self.queues.lock();
        queues.entry(channel.to_owned()).or_default().push(ear.clone());
    }

    pub(crate) fn is_listening(&self, channel: &str) -> bool {
        self.queues.lock().contains_key(channel)
    }

    /// Listens no more; whether nobody else does.
    pub(crate) fn unlisten(&self, channel: &str, ear: &Arc<QueueEar>) -> bool {
        let mut queues = self.queues.lock();
        let Some(ears) = queues.get_mut(channel) else {
            return false;
        };
        ears.retain(|other| !Arc::ptr_eq(other, ear));
        let is_last = ears.is_empty();
        if is_last {
            queues.remove(channel);
        }
        is_last
    }

    /// Notices changes of these ids until the answer is dropped.
    pub(crate) fn watch(&self, ids: Vec<MessageId>) -> Watching<'_> {
        let notify = Arc::new(Notify::new());
        let mut watchers = self.watchers.lock();
        for id in &ids {
            watchers.entry(*id).or_default().push(notify.clone());
        }
        drop(watchers);
        Watching { wakes: self, ids, notify }
    }

    /// How often revocations were heard of.
    pub(crate) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::Acquire)
    }

    pub(crate) fn revocation_waiters(&self) -> &Notify {
        &self.revocation_waiters
    }

    pub(crate) fn timer_waiters(&self) -> &Notify {
        &self.timer_waiters
    }
}

/// A watcher, until it is dropped.
pub(crate) struct Watching<'a> {
    wakes: &'a Wakes,
    ids: Vec<MessageId>,
    notify: Arc<Notify>,
}

impl Watching<'_> {
    pub(crate) async fn change(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut watchers = self.wakes.watchers.lock();
        for id in &self.ids {
            let Some(waiters) = watchers.get_mut(id) else { continue };
            waiters.retain(|waiter| !Arc::ptr_eq(waiter, &self.notify));
            if waiters.is_empty() {
                watchers.remove(id);
            }
        }
    }
}
