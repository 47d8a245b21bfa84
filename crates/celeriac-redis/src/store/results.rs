//! [`Results`]: an outcome is a field of its bucket, set once; a mark is a string.

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark, Progress};
use celeriac_core::store::{Results, Watch};
use celeriac_core::{BoxFuture, Error, ErrorKind, Failure, MessageId, State};
use serde::{Deserialize, Serialize};

use super::outcomes::{self, Bucket, Recording, by_bucket};
use crate::Redis;
use crate::call::Call;
use crate::keeper::millis;
use crate::reply;
use crate::script::MARK;

/// What a mark says, as it is kept.
#[derive(Serialize, Deserialize)]
struct Marked {
    state: State,
    attempt: u32,
    progress: Option<Progress>,
    failure: Option<Box<Failure>>,
}

pub(super) fn unreadable(what: &str, id: MessageId, error: impl std::fmt::Display) -> Error {
    let context = format!("the {what} of {id} can't be read: {error}");
    Error::new(ErrorKind::Corrupt, "read results", context)
}

impl Redis {
    /// Tells every process that something is new about these ids.
    pub(super) async fn tell(&self, ids: impl Iterator<Item = MessageId>) -> Result<()> {
        let telling = self.telling_of(ids);
        self.shared.client.all("tell of changes", telling).await.map(drop)
    }

    /// The call that tells of these ids, if there are any.
    pub(crate) fn telling_of(&self, ids: impl Iterator<Item = MessageId>) -> Vec<Call> {
        let payload: Vec<u8> = ids.flat_map(|id| *id.as_bytes()).collect();
        if payload.is_empty() {
            return Vec::new();
        }
        let channel = self.shared.keys.changes_channel();
        vec![Call::command("PUBLISH").arg(channel).arg(payload)]
    }

    async fn record(&self, batch: Vec<Completion>) -> Result<Vec<bool>> {
        self.shared.check_open("complete")?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let Recording { calls, records } = self.recording(&batch);
        let telling = self.telling_of(batch.iter().map(|completion| completion.id));
        let [answers, _] = self.shared.client.in_order("complete", [calls, telling]).await?;
        let mut is_first = vec![true; batch.len()];
        for position in self.recorded(records, answers).await? {
            is_first[position] = false;
        }
        Ok(is_first)
    }

    async fn mark_all(&self, batch: Vec<Mark>) -> Result<()> {
        self.shared.check_open("mark")?;
        let keys = &self.shared.keys;
        let mut calls = Vec::with_capacity(batch.len());
        let ids = Vec::from_iter(batch.iter().map(|mark| mark.id));
        for Mark { id, state, attempt, progress, failure } in batch {
            let marked = Marked { state, attempt, progress, failure };
            let record = rmp_serde::to_vec(&marked).map_err(|error| {
                Error::new(ErrorKind::Internal, "mark", format!("the mark of {id}"))
                    .caused_by(error)
            })?;
            let call = Call::script(&MARK, &keys.mark(id)).arg(keys.outcomes(Bucket::of(id)));
            let call = call.arg(&id.as_bytes()[..]).arg(record);
            calls.push(call.arg(millis(self.shared.options.mark_ttl)));
        }
        let telling = self.telling_of(ids.into_iter());
        self.shared.client.in_order("mark", [calls, telling]).await.map(drop)
    }

    async fn look_up(&self, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        self.shared.check_open("entries")?;
        let keys = &self.shared.keys;
        let (mut calls, mut asked) = (Vec::new(), Vec::new());
        for (bucket, positions) in by_bucket(ids.iter().copied()) {
            let mut outcomes = Call::command("HMGET").arg(keys.outcomes(bucket));
            let mut marks = Call::command("MGET");
            for at in &positions {
                outcomes.push(&ids[*at].as_bytes()[..]);
                marks.push(keys.mark(ids[*at]));
            }
            calls.extend([outcomes, marks]);
            asked.extend(positions);
        }
        let answers = self.shared.client.all("entries", calls).await?;
        let mut answers = answers.into_iter().map(reply::list);
        let mut found = Vec::with_capacity(ids.len());
        while let (Some(outcomes), Some(marks)) = (answers.next(), answers.next()) {
            found.extend(outcomes?.into_iter().zip(marks?));
        }
        let mut entries: Vec<Option<Entry>> = ids.iter().map(|_| None).collect();
        for (at, (outcome, mark)) in asked.into_iter().zip(found) {
            entries[at] = match (reply::bytes(outcome)?, reply::bytes(mark)?) {
                (Some(record), _) => Some(outcomes::read(ids[at], &record)?),
                (None, Some(mark)) => Some(marked(ids[at], &mark)?),
                (None, None) => None,
            };
        }
        Ok(entries)
    }

    async fn newer(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        let ids = Vec::from_iter(watches.iter().map(|watch| watch.id));
        let entries = self.look_up(&ids).await?;
        let newer = watches.iter().zip(entries).filter_map(|(watch, entry)| {
            let entry = entry.filter(|entry| entry.version > watch.seen)?;
            Some((watch.id, entry))
        });
        Ok(newer.collect())
    }
}

/// Reads `version:record`.
fn marked(id: MessageId, mark: &[u8]) -> Result<Entry> {
    let mut parts = mark.splitn(2, |byte| *byte == b':');
    let version = parts.next().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let (Some(version), Some(record)) = (version, parts.next()) else {
        return Err(unreadable("mark", id, "it has no version"));
    };
    let Marked { state, attempt, progress, failure } =
        rmp_serde::from_slice(record).map_err(|error| unreadable("mark", id, error))?;
    Ok(Entry { state, attempt, version, progress, failure, outcome: None })
}

impl Results for Redis {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.record(batch))
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.mark_all(batch))
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(self.look_up(ids))
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(async move {
            let ids = Vec::from_iter(watches.iter().map(|watch| watch.id));
            let watching = self.shared.wakes.watch(ids);
            loop {
                let newer = self.newer(watches).await?;
                if !newer.is_empty() || watches.is_empty() {
                    return Ok(newer);
                }
                watching.change().await;
            }
        })
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("forget")?;
            let keys = &self.shared.keys;
            let forget = |id: &MessageId| {
                let outcomes = keys.outcomes(Bucket::of(*id));
                let outcome = Call::command("HDEL").arg(outcomes).arg(&id.as_bytes()[..]);
                [outcome, Call::command("DEL").arg(keys.mark(*id))]
            };
            self.shared.client.all("forget", ids.iter().flat_map(forget).collect()).await?;
            Ok(())
        })
    }
}
