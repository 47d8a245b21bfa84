//! [`Results`]: an outcome is a string, set once; a mark is a hash beside it.

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
    fn recording(&self, completion: &Completion) -> Call {
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
        let payload: Vec<u8> = ids.flat_map(|id| *id.as_bytes()).collect();
        if payload.is_empty() {
            return Ok(());
        }
        self.shared.client.one("tell of changes", self.telling(payload)).await.map(drop)
    }

    fn telling(&self, payload: Vec<u8>) -> Call {
        Call::command("PUBLISH").arg(self.shared.keys.changes_channel()).arg(payload)
    }

    async fn record(&self, batch: Vec<Completion>) -> Result<Vec<bool>> {
        self.shared.check_open("complete")?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<u8> = batch.iter().flat_map(|completion| *completion.id.as_bytes()).collect();
        let mut calls = Vec::with_capacity(batch.len() + 1);
        calls.extend(batch.iter().map(|completion| self.recording(completion)));
        // One server works in order; of several, each must be done first.
        let in_one_go = !self.shared.client.is_cluster();
        if in_one_go {
            calls.push(self.telling(ids.clone()));
        }
        let answers = self.shared.client.all("complete", calls).await?;
        if !in_one_go {
            self.shared.client.one("complete", self.telling(ids)).await?;
        }
        Ok(answers.iter().take(batch.len()).map(|answer| *answer != Value::Nil).collect())
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
        self.shared.client.all("mark", calls).await?;
        self.tell(ids.into_iter()).await
    }

    async fn look_up(&self, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        self.shared.check_open("entries")?;
        let keys = &self.shared.keys;
        let mut calls = Vec::with_capacity(2 * ids.len());
        for id in ids {
            calls.push(Call::command("GET").arg(keys.outcome(*id)));
            calls.push(Call::command("HMGET").arg(keys.mark(*id)).arg("v").arg("m"));
        }
        let mut answers = self.shared.client.all("entries", calls).await?.into_iter();
        let mut entries = Vec::with_capacity(ids.len());
        while let (Some(outcome), Some(mark)) = (answers.next(), answers.next()) {
            let id = ids[entries.len()];
            entries.push(match reply::bytes(outcome)? {
                Some(record) => Some(done(id, &record)?),
                None => marked(id, mark)?,
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

fn marked(id: MessageId, mark: Value) -> Result<Option<Entry>> {
    let mut fields = reply::list(mark)?.into_iter();
    let (Some(version), Some(record)) = (fields.next(), fields.next()) else {
        return Ok(None);
    };
    let version = reply::number(&version)?;
    let Some(record) = reply::bytes(record)? else {
        return Ok(None);
    };
    let Marked { state, attempt, progress, failure } =
        rmp_serde::from_slice(&record).map_err(|error| unreadable("mark", id, error))?;
    Ok(Some(Entry { state, attempt, version, progress, failure, outcome: None }))
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
