//! [`Results`]: an outcome is a string, set once; a mark is another beside it.

use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark, Progress};
use celeriac_core::store::{Results, Watch};
use celeriac_core::{
    BoxFuture, Error, ErrorKind, Failure, MessageId, Outcome, State, Timestamp, wire,
};
use redis::Value;
use serde::{Deserialize, Serialize};

use crate::Redis;
use crate::call::Call;
use crate::keeper::millis;
use crate::reply;
use crate::script::MARK;

/// Versions of outcomes are above all of marks, which are times in µs.
const OUTCOME_VERSION: u64 = 1 << 52;
/// How many ids are looked up by one call.
const LOOKED_UP: usize = 512;
/// What lives longer than this lives for ever.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What a mark says, as it is kept.
#[derive(Serialize, Deserialize)]
struct Marked {
    state: State,
    attempt: u32,
    progress: Option<Progress>,
    failure: Option<Box<Failure>>,
}

/// How long something lives that expires then, in ms; nothing for ever.
pub(super) fn life(expires_at: Timestamp) -> Option<u64> {
    let left = expires_at.since(Timestamp::now());
    (left < LONGEST).then(|| millis(left).max(1000))
}

fn unreadable(what: &str, id: MessageId, error: impl std::fmt::Display) -> Error {
    let context = format!("the {what} of {id} can't be read: {error}");
    Error::new(ErrorKind::Corrupt, "read results", context)
}

impl Redis {
    pub(crate) fn recording(&self, completion: &Completion) -> Call {
        let version = OUTCOME_VERSION + Timestamp::now().as_millis();
        let mut record = version.to_be_bytes().to_vec();
        record.extend(wire::encode_outcome(&completion.outcome));
        let mut call =
            Call::command("SET").arg(self.shared.keys.outcome(completion.id)).arg(record).arg("NX");
        if let Some(life) = life(completion.expires_at) {
            call.push("PX");
            call.push(life);
        }
        call
    }

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
        let recording = batch.iter().map(|completion| self.recording(completion)).collect();
        let telling = self.telling_of(batch.iter().map(|completion| completion.id));
        let [answers, _] = self.shared.client.in_order("complete", [recording, telling]).await?;
        Ok(answers.iter().map(|answer| *answer != Value::Nil).collect())
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
            let call = Call::script(&MARK, &keys.mark(id)).arg(keys.outcome(id)).arg(record);
            calls.push(call.arg(millis(self.shared.options.mark_ttl)));
        }
        let telling = self.telling_of(ids.into_iter());
        self.shared.client.in_order("mark", [calls, telling]).await.map(drop)
    }

    async fn look_up(&self, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        self.shared.check_open("entries")?;
        let keys = &self.shared.keys;
        // A cluster has outcome and mark of one id together, but not others'.
        let at_once = if self.shared.client.is_cluster() { 1 } else { LOOKED_UP };
        let mut calls = Vec::with_capacity(ids.len().div_ceil(at_once));
        for ids in ids.chunks(at_once) {
            let mut call = Call::command("MGET");
            for id in ids {
                call.push(keys.outcome(*id));
                call.push(keys.mark(*id));
            }
            calls.push(call);
        }
        let answers = self.shared.client.all("entries", calls).await?;
        let mut values = Vec::with_capacity(2 * ids.len());
        for answer in answers {
            values.append(&mut reply::list(answer)?);
        }
        let (mut values, mut entries) = (values.into_iter(), Vec::with_capacity(ids.len()));
        while let (Some(outcome), Some(mark)) = (values.next(), values.next()) {
            let id = ids[entries.len()];
            entries.push(match (reply::bytes(outcome)?, reply::bytes(mark)?) {
                (Some(record), _) => Some(done(id, &record)?),
                (None, Some(mark)) => Some(marked(id, &mark)?),
                (None, None) => None,
            });
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

fn done(id: MessageId, record: &Bytes) -> Result<Entry> {
    let Some((version, outcome)) = record.split_first_chunk::<8>() else {
        return Err(unreadable("outcome", id, "it is too short"));
    };
    let outcome: Outcome =
        wire::decode_outcome(outcome).map_err(|error| unreadable("outcome", id, error))?;
    Ok(Entry {
        state: outcome.state,
        attempt: outcome.attempt,
        version: u64::from_be_bytes(*version),
        progress: None,
        failure: None,
        outcome: Some(outcome),
    })
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
            let forget =
                |id: &MessageId| Call::command("DEL").arg(keys.outcome(*id)).arg(keys.mark(*id));
            self.shared.client.all("forget", ids.iter().map(forget).collect()).await?;
            Ok(())
        })
    }
}
