//! What wakes those who wait: in this process at once, in others by `NOTIFY`.
//!
//! A signal is a hint. Whoever is woken looks at the tables, and whoever waits
//! looks now and then without being woken, since a signal may be lost with its
//! sender or its connection.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::{MessageId, QueueName, Timestamp};
use jumpstarter::Recipient;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// How often those who wait look without a signal.
pub(crate) const SAFETY: Duration = Duration::from_secs(5);

/// The channel of a schema is the schema's name; PostgreSQL takes no payload
/// of 8000 bytes or more.
const MAX_PAYLOAD: usize = 7900;
/// Before the payload of a signal that no driver but a user's transaction sent.
pub(crate) const NOBODY: u32 = 0;

/// Something that others may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Messages wait in this queue.
    Ready(QueueName),
    /// Something is known of these tasks or workflows, by [`hash`].
    Results(Vec<u32>),
    /// Ids were revoked.
    Revoked,
    /// Something was scheduled for this time.
    Scheduled(Timestamp),
}

/// What a watcher of a task listens for.
pub(crate) fn hash(id: MessageId) -> u32 {
    let [.., a, b, c, d] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl Signal {
    /// The payloads that say so in the name of `origin`.
    pub(crate) fn payloads(&self, origin: u32) -> Vec<String> {
        let one = |kind: char, rest: &str| vec![format!("{origin:08x}{kind}{rest}")];
        match self {
            Self::Ready(queue) => one('q', queue.as_str()),
            Self::Revoked => one('v', ""),
            Self::Scheduled(due) => one('t', &due.as_millis().to_string()),
            Self::Results(hashes) => {
                let chunks = hashes.chunks(MAX_PAYLOAD / 8);
                let text = chunks.map(|chunk| {
                    let mut payload = format!("{origin:08x}r");
                    for hash in chunk {
                        payload.push_str(&format!("{hash:08x}"));
                    }
                    payload
                });
                text.collect()
            }
        }
    }

    /// What a payload says, and who sent it; `None` for one of another version.
    pub(crate) fn parse(payload: &str) -> Option<(u32, Self)> {
        let origin = u32::from_str_radix(payload.get(..8)?, 16).ok()?;
        let rest = payload.get(9..)?;
        let signal = match payload.as_bytes().get(8)? {
            b'q' => Self::Ready(QueueName::from(rest)),
            b'v' => Self::Revoked,
            b't' => Self::Scheduled(Timestamp::from_millis(rest.parse().ok()?)),
            b'r' => {
                let hash = |at: usize| u32::from_str_radix(rest.get(at..at + 8)?, 16).ok();
                let hashes = (0..rest.len()).step_by(8).map(hash);
                Self::Results(hashes.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some((origin, signal))
    }
}

/// Tells the desk that there is something to look at.
pub(crate) struct Look;

/// Which queues have news for this process' consumers.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    queues: BTreeSet<QueueName>,
    /// Whether all may have.
    all: bool,
    /// Whether the desk was told and has not looked yet.
    rung: bool,
}

/// What this process knows of the timers.
#[derive(Debug)]
struct Timers {
    /// What `next_due` answered last.
    seen: Timestamp,
    /// The earliest that was scheduled since.
    earliest: Timestamp,
}

/// Who waits in this process, and for what.
#[derive(Debug)]
pub(crate) struct Signals {
    bell: Mutex<Bell>,
    /// Who is told that the bell was rung, once somebody consumes here.
    desk: OnceLock<Recipient<Look>>,
    watchers: Mutex<HashMap<u32, Vec<Arc<Notify>>>>,
    revocations: watch::Sender<u64>,
    timers: Mutex<Timers>,
    nearer: watch::Sender<u64>,
    room: watch::Sender<u64>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            bell: Mutex::default(),
            desk: OnceLock::new(),
            watchers: Mutex::default(),
            revocations: watch::Sender::new(0),
            timers: Mutex::new(Timers { seen: Timestamp::NEVER, earliest: Timestamp::NEVER }),
            nearer: watch::Sender::new(0),
            room: watch::Sender::new(0),
        }
    }
}

impl Signals {
    /// Wakes those in this process whom the signal concerns.
    pub(crate) fn wake(&self, signal: &Signal) {
        match signal {
            Signal::Ready(queue) => {
                if self.desk.get().is_some() {
                    self.ring(|bell| bell.queues.extend([queue.clone()]));
                }
            }
            Signal::Results(hashes) => {
                let watchers = self.watchers.lock();
                if !watchers.is_empty() {
                    let told = hashes.iter().filter_map(|hash| watchers.get(hash));
                    told.flatten().for_each(|waiter| waiter.notify_one());
                }
            }
            Signal::Revoked => self.revocations.send_modify(|count| *count += 1),
            Signal::Scheduled(due) => {
                {
                    let mut timers = self.timers.lock();
                    timers.earliest = timers.earliest.min(*due);
                }
                if self.is_nearer() {
                    self.nearer.send_modify(|count| *count += 1);
                }
            }
        }
    }

    /// Wakes everybody: signals may have been missed.
    pub(crate) fn wake_all(&self) {
        self.ring(|bell| bell.all = true);
        self.watchers.lock().values().flatten().for_each(|waiter| waiter.notify_one());
        self.wake(&Signal::Revoked);
        self.wake(&Signal::Scheduled(Timestamp::default()));
        self.wake_room();
    }

    /// There may be room in a queue.
    pub(crate) fn wake_room(&self) {
        self.room.send_modify(|count| *count += 1);
    }

    /// From now on somebody consumes here, who is told.
    pub(crate) fn begin_consuming(&self, desk: Recipient<Look>) {
        // Whoever comes second is the same.
        let _ = self.desk.set(desk);
        self.ring(|bell| bell.all = true);
    }

    /// Tells the desk to look at its queues, once until it does.
    pub(crate) fn ring(&self, note: impl FnOnce(&mut Bell)) {
        let Some(desk) = self.desk.get() else { return };
        let mut bell = self.bell.lock();
        note(&mut bell);
        let rang_before = std::mem::replace(&mut bell.rung, true);
        drop(bell);
        if !rang_before {
            // Whose mailbox is full has more turns to come, and looks then.
            let _ = desk.try_tell(Look);
        }
    }

    /// Which queues have had news since the last call; `None` for all.
    pub(crate) fn news(&self) -> Option<BTreeSet<QueueName>> {
        let Bell { queues, all, .. } = std::mem::take(&mut *self.bell.lock());
        (!all).then_some(queues)
    }

    /// Begins to watch tasks: every change from here on is noticed.
    pub(crate) fn watch(&self, ids: impl Iterator<Item = MessageId>) -> Watching<'_> {
        let notify = Arc::new(Notify::new());
        let hashes = Vec::from_iter(ids.map(hash));
        let mut watchers = self.watchers.lock();
        for hash in &hashes {
            watchers.entry(*hash).or_default().push(notify.clone());
        }
        drop(watchers);
        Watching { signals: self, hashes, notify }
    }

    /// Waits for signals of revocations that come after this call.
    pub(crate) fn revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Waits for room that is made after this call.
    pub(crate) fn room(&self) -> watch::Receiver<u64> {
        self.room.subscribe()
    }

    /// The timers are about to be looked at: what is scheduled from here on is
    /// news.
    pub(crate) fn look_at_timers(&self) {
        self.timers.lock().earliest = Timestamp::NEVER;
    }

    /// What was found.
    pub(crate) fn seen_timers(&self, next_due: Option<Timestamp>) {
        self.timers.lock().seen = next_due.unwrap_or(Timestamp::NEVER);
        if self.is_nearer() {
            self.nearer.send_modify(|count| *count += 1);
        }
    }

    fn is_nearer(&self) -> bool {
        let timers = self.timers.lock();
        timers.earliest < timers.seen
    }

    /// Waits until something was scheduled that is earlier than what was found.
    pub(crate) async fn timers_nearer(&self) {
        let mut nearer = self.nearer.subscribe();
        loop {
            // The sender lives as long as `self`.
            if self.is_nearer() || nearer.changed().await.is_err() {
                return;
            }
        }
    }
}

/// A watcher leaves when it gives up or has seen enough.
pub(crate) struct Watching<'a> {
    signals: &'a Signals,
    hashes: Vec<u32>,
    notify: Arc<Notify>,
}

impl Watching<'_> {
    /// Waits for a signal, or as long as one may be missed.
    pub(crate) async fn change(&self) {
        // Over time, it is as if there had been one.
        let _ = tokio::time::timeout(SAFETY, self.notify.notified()).await;
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut watchers = self.signals.watchers.lock();
        for hash in &self.hashes {
            if let Some(waiting) = watchers.get_mut(hash) {
                waiting.retain(|waiter| !Arc::ptr_eq(waiter, &self.notify));
                if waiting.is_empty() {
                    watchers.remove(hash);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_come_back_from_their_payloads() {
        let signals = [
            Signal::Ready(QueueName::from("mäil")),
            Signal::Results(vec![0, 7, u32::MAX]),
            Signal::Revoked,
            Signal::Scheduled(Timestamp::from_millis(17)),
        ];
        for signal in signals {
            let payloads = signal.payloads(0xabc);
            assert_eq!(payloads.len(), 1);
            assert_eq!(Signal::parse(&payloads[0]), Some((0xabc, signal)));
        }
    }

    #[test]
    fn many_results_take_several_payloads() {
        let hashes = Vec::from_iter(0..5000);
        let payloads = Signal::Results(hashes.clone()).payloads(1);
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        let parsed = payloads.iter().filter_map(|payload| Signal::parse(payload));
        let found = parsed.flat_map(|(_, signal)| match signal {
            Signal::Results(hashes) => hashes,
            other => panic!("{other:?}"),
        });
        assert_eq!(Vec::from_iter(found), hashes);
    }

    #[test]
    fn any_payload_is_a_signal_or_nothing() {
        for payload in ["", "00000000", "zzzzzzzzq", "00000000x", "00000000r123", "00000000tx", "ä"]
        {
            assert_eq!(Signal::parse(payload), None, "{payload}");
        }
    }

    #[tokio::test]
    async fn only_what_is_earlier_wakes() {
        let signals = Signals::default();
        let at = Timestamp::from_millis;
        signals.look_at_timers();
        signals.seen_timers(Some(at(100)));
        signals.wake(&Signal::Scheduled(at(100)));
        let mut nearer = Box::pin(signals.timers_nearer());
        assert!(celeriac_testkit::probe::poll_once(&mut nearer).is_pending());
        signals.wake(&Signal::Scheduled(at(99)));
        nearer.await;
    }
}
