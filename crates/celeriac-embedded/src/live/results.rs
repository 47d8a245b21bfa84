//! What became of each task, in memory: a ring in order of insertion, an index
//! by id, and runs of sequence numbers by the time of their expiry.

use std::collections::BTreeMap;
use std::sync::Arc;

use celeriac_core::outcome::{Completion, Entry, Mark, Progress};
use celeriac_core::store::Watch;
use celeriac_core::{Failure, MessageId, Outcome, State, Timestamp};
use tokio::sync::Notify;

use super::index::Index;
use super::ring::Ring;
use super::wake::Wake;
use super::watchers::Watchers;

/// Results that expire in the same 2^13 ms (8 s) are dropped together; until
/// then readers don't see them.
const BUCKET_SHIFT: u32 = 13;
/// At most this many expired results are dropped per call, beside as many as
/// the call adds.
const SWEEP: u64 = 64;
/// Runs that are nearer than this become one.
const MAX_GAP: u64 = 1024;
const NO_RUN: (u64, u64, u64) = (u64::MAX, 1, 0);

/// What is known of a task that has not ended.
#[derive(Debug)]
struct Marked {
    state: State,
    attempt: u32,
    progress: Option<Progress>,
    failure: Option<Box<Failure>>,
}

#[derive(Debug)]
enum Known {
    Marked(Box<Marked>),
    Done(Outcome),
}

/// What is known of a task.
#[derive(Debug)]
pub(crate) struct Record {
    id: MessageId,
    version: u64,
    expires_at: Timestamp,
    known: Known,
}

impl Record {
    fn entry(&self) -> Entry {
        match &self.known {
            Known::Marked(marked) => Entry {
                state: marked.state,
                attempt: marked.attempt,
                version: self.version,
                progress: marked.progress.clone(),
                failure: marked.failure.clone(),
                outcome: None,
            },
            Known::Done(outcome) => done_entry(outcome.clone(), self.version),
        }
    }
}

/// The entry of a task that has ended.
pub(crate) fn done_entry(outcome: Outcome, version: u64) -> Entry {
    Entry {
        state: outcome.state,
        attempt: outcome.attempt,
        version,
        progress: None,
        failure: None,
        outcome: Some(outcome),
    }
}

/// What became of each task.
#[derive(Debug)]
pub(crate) struct Results {
    index: Index,
    ring: Ring<Record>,
    /// Runs of sequence numbers, first and last, by the bucket of their expiry;
    /// others may stand between.
    runs: BTreeMap<u64, Vec<(u64, u64)>>,
    /// The run that grows.
    run: (u64, u64, u64),
    watchers: Watchers,
    version: u64,
    limit: usize,
    pub(crate) closed: bool,
}

impl Results {
    /// Nothing known yet; at most `limit` records are kept. `since` begins the
    /// versions: later than any that a former owner of the same state gave.
    pub(crate) fn new(limit: usize, since: Timestamp) -> Self {
        Self {
            index: Index::new(),
            ring: Ring::new(),
            runs: BTreeMap::new(),
            run: NO_RUN,
            watchers: Watchers::default(),
            version: since.as_millis() << 20,
            limit: limit.max(1),
            closed: false,
        }
    }

    /// The first of `count` versions that are later than all before.
    pub(crate) fn versions(&mut self, count: usize) -> u64 {
        let first = self.version + 1;
        self.version += count as u64;
        first
    }

    /// Records an outcome unless there is one; gives back what must be dropped.
    pub(crate) fn complete(
        &mut self,
        completion: Completion,
        version: u64,
        now: Timestamp,
        wake: &mut Wake,
    ) -> (bool, Option<Record>) {
        let id = completion.id;
        let record = Record {
            id,
            version,
            expires_at: completion.expires_at,
            known: Known::Done(completion.outcome),
        };
        let present = self.locate(id);
        let former = present.and_then(|sequence| Some((sequence, self.ring.get_mut(sequence)?)));
        let Some((sequence, former)) = former else {
            return (true, self.insert(record, wake));
        };
        if matches!(former.known, Known::Done(_)) && former.expires_at > now {
            return (false, Some(record));
        }
        let expires_at = record.expires_at;
        let former = std::mem::replace(former, record);
        self.expire_later(sequence, expires_at);
        self.watchers.tell(id, wake);
        (true, Some(former))
    }

    /// Notes a change that is not the end, unless the end is known.
    pub(crate) fn mark(&mut self, mark: Mark, expires_at: Timestamp, wake: &mut Wake) {
        let id = mark.id;
        self.version += 1;
        let marked = Box::new(Marked {
            state: mark.state,
            attempt: mark.attempt,
            progress: mark.progress,
            failure: mark.failure,
        });
        let record = Record { id, version: self.version, expires_at, known: Known::Marked(marked) };
        let present = self.locate(id);
        if let Some(former) = present.and_then(|sequence| self.ring.get_mut(sequence)) {
            if matches!(former.known, Known::Marked(_)) {
                *former = record;
                self.watchers.tell(id, wake);
            }
            return;
        }
        drop(self.insert(record, wake));
    }

    /// What is known of an id at `now`.
    pub(crate) fn entry(&self, id: MessageId, now: Timestamp) -> Option<Entry> {
        self.find(id, now).map(Record::entry)
    }

    /// Those entries that are newer than their watchers have seen.
    pub(crate) fn newer(&self, watches: &[Watch], now: Timestamp) -> Vec<(MessageId, Entry)> {
        let newer = |watch: &Watch| {
            let record = self.find(watch.id, now)?;
            (record.version > watch.seen).then(|| (watch.id, record.entry()))
        };
        watches.iter().filter_map(newer).collect()
    }

    /// `waiter` is told when an entry changes.
    pub(crate) fn watch(&mut self, watches: &[Watch], waiter: &Arc<Notify>) {
        for watch in watches {
            self.watchers.join(watch.id, waiter);
        }
    }

    pub(crate) fn unwatch(&mut self, watches: &[Watch], waiter: &Arc<Notify>) {
        for watch in watches {
            self.watchers.leave(watch.id, waiter);
        }
    }

    /// Forgets an id.
    pub(crate) fn forget(&mut self, id: MessageId) -> Option<Record> {
        let sequence = self.locate(id)?;
        self.index.remove(id, sequence);
        self.ring.take(sequence)
    }

    /// Takes out what has expired at `now`: at most as many as `added` and
    /// a few more, so that no call pays for many others.
    pub(crate) fn sweep(&mut self, now: Timestamp, added: usize, dropped: &mut Vec<Record>) {
        let mut budget = SWEEP + added as u64;
        let over = now.as_millis() >> BUCKET_SHIFT;
        if self.run.0 < over {
            self.end_run();
        }
        while budget > 0 {
            let Some(mut bucket) = self.runs.first_entry().filter(|first| *first.key() < over)
            else {
                return;
            };
            let Some((first, last)) = bucket.get_mut().pop() else {
                bucket.remove();
                continue;
            };
            let first = first.max(self.ring.front());
            let end = last.saturating_add(1).min(first.saturating_add(budget));
            if end <= last {
                bucket.get_mut().push((end, last));
            }
            for sequence in first..end {
                self.drop_expired(sequence, now, dropped);
            }
            budget = budget.saturating_sub(1 + end.saturating_sub(first));
        }
    }

    pub(crate) fn close(&mut self, wake: &mut Wake) {
        self.closed = true;
        self.watchers.tell_all(wake);
    }

    /// Whether anybody waits.
    #[cfg(test)]
    pub(crate) fn is_watched(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// Lets everybody who waits look again.
    pub(crate) fn tell_all(&self, wake: &mut Wake) {
        self.watchers.tell_all(wake);
    }

    fn drop_expired(&mut self, sequence: u64, now: Timestamp, dropped: &mut Vec<Record>) {
        let expired = |record: &Record| record.expires_at <= now;
        if !self.ring.get(sequence).is_some_and(expired) {
            return;
        }
        if let Some(record) = self.ring.take(sequence) {
            self.index.remove(record.id, sequence);
            dropped.push(record);
        }
    }

    /// Whether there is an outcome.
    pub(crate) fn has_ended(&self, id: MessageId, now: Timestamp) -> bool {
        self.find(id, now).is_some_and(|record| matches!(record.known, Known::Done(_)))
    }

    fn find(&self, id: MessageId, now: Timestamp) -> Option<&Record> {
        let record = self.ring.get(self.locate(id)?)?;
        (record.expires_at > now).then_some(record)
    }

    fn locate(&self, id: MessageId) -> Option<u64> {
        let is_it = |low| {
            let record = self.ring.get(self.ring.widen(low));
            record.is_some_and(|record| record.id == id)
        };
        self.index.find(id, is_it).map(|low| self.ring.widen(low))
    }

    /// Adds what is not known yet; gives what has to go for it.
    fn insert(&mut self, record: Record, wake: &mut Wake) -> Option<Record> {
        let (id, expires_at) = (record.id, record.expires_at);
        let sequence = self.ring.push(record);
        self.index.insert(id, sequence);
        self.expire_later(sequence, expires_at);
        self.watchers.tell(id, wake);
        self.evict()
    }

    fn evict(&mut self) -> Option<Record> {
        if self.ring.len() <= self.limit {
            return None;
        }
        let sequence = self.ring.front();
        let oldest = self.ring.pop_oldest()?;
        self.index.remove(oldest.id, sequence);
        Some(oldest)
    }

    fn expire_later(&mut self, sequence: u64, expires_at: Timestamp) {
        let bucket = expires_at.as_millis() >> BUCKET_SHIFT;
        let (open, _, last) = self.run;
        if open == bucket && last + 1 == sequence {
            self.run.2 = sequence;
            return;
        }
        self.end_run();
        self.run = (bucket, sequence, sequence);
    }

    fn end_run(&mut self) {
        let (open, first, last) = std::mem::replace(&mut self.run, NO_RUN);
        if first <= last {
            let runs = self.runs.entry(open).or_default();
            match runs.last_mut() {
                // Better look at a few others than remember many short runs.
                Some(run) if first <= run.1 + MAX_GAP && run.0 <= last + MAX_GAP => {
                    *run = (run.0.min(first), run.1.max(last));
                }
                _ => runs.push((first, last)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use celeriac_core::ContentType;

    fn completion(expires_at: u64) -> Completion {
        let value = Bytes::from_static(b"1");
        Completion {
            id: MessageId::new(),
            outcome: Outcome::success(0, Timestamp::default(), ContentType::Json, value),
            expires_at: Timestamp::from_millis(expires_at),
        }
    }

    fn results(limit: usize) -> Results {
        Results::new(limit, Timestamp::from_millis(1))
    }

    const NOW: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn the_first_outcome_stays() {
        let mut results = results(10);
        let mut wake = Wake::default();
        let first = completion(1000);
        let mut second = first.clone();
        second.outcome.attempt = 7;
        assert!(results.complete(first.clone(), 1, NOW, &mut wake).0);
        assert!(!results.complete(second, 2, NOW, &mut wake).0);
        let entry = results.entry(first.id, NOW).unwrap();
        assert_eq!(entry.outcome, Some(first.outcome));
        assert_eq!(results.entry(first.id, Timestamp::from_millis(1000)), None);
    }

    #[test]
    fn marks_grow_the_version_and_never_hide_an_outcome() {
        let mut results = results(10);
        let mut wake = Wake::default();
        let end = completion(1000);
        let mark = |state| Mark { id: end.id, state, attempt: 0, progress: None, failure: None };
        let mut seen = 0;
        for state in [State::Received, State::Started] {
            results.mark(mark(state), Timestamp::NEVER, &mut wake);
            let entry = results.entry(end.id, NOW).unwrap();
            assert!(entry.version > seen && entry.state == state);
            seen = entry.version;
        }
        assert!(results.complete(end.clone(), u64::MAX, NOW, &mut wake).0);
        results.mark(mark(State::Started), Timestamp::NEVER, &mut wake);
        let watch = Watch { id: end.id, seen };
        let newer = results.newer(&[watch], NOW);
        assert_eq!(newer[0].1.state, State::Success);
    }

    #[test]
    fn the_oldest_goes_above_the_limit() {
        let mut results = results(3);
        let ids: Vec<_> = (0..5)
            .map(|_| {
                let completion = completion(1000);
                let id = completion.id;
                results.complete(completion, 1, NOW, &mut Wake::default());
                id
            })
            .collect();
        let kept = |id: &MessageId| results.entry(*id, NOW).is_some();
        assert_eq!(ids.iter().map(kept).collect::<Vec<_>>(), [false, false, true, true, true]);
    }

    #[test]
    fn expired_results_are_dropped_a_few_at_a_time() {
        let mut results = results(10_000);
        for n in 0..1000 {
            let expires_at = if n % 10 == 0 { 1_000_000 } else { 1000 };
            results.complete(completion(expires_at), 1, NOW, &mut Wake::default());
        }
        let later = Timestamp::from_millis(100_000);
        let mut dropped = Vec::new();
        results.sweep(later, 0, &mut dropped);
        assert!(dropped.len() <= SWEEP as usize);
        while results.ring.len() > 100 {
            results.sweep(later, 100, &mut dropped);
        }
        assert_eq!(dropped.len(), 900);
        assert!(dropped.iter().all(|record| record.expires_at <= later));
    }
}
