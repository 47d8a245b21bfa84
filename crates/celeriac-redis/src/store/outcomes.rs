//! Outcomes as they are kept: in buckets, those of ids that were made at about the
//! same time in one hash. A key for each would cost the server twice as much of
//! time and of memory.
//!
//! A bucket expires when its last outcome does. Where some expire long before
//! that, the bucket is *mixed*: they are taken out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry};
use celeriac_core::{MessageId, Outcome, Timestamp, wire};
use redis::Value;

use super::results::unreadable;
use crate::Redis;
use crate::broker::Shared;
use crate::call::Call;
use crate::keeper::millis;
use crate::reply;
use crate::script::{EXPIRE, RECORD};

/// A bucket has the ids of 64 ms …
const SPAN_BITS: u32 = 6;
/// … in four parts, which a cluster spreads.
const PART_BITS: u32 = 2;
/// How many outcomes are recorded, or looked up, by one call, which nothing interrupts.
const AT_ONCE: usize = 512;
/// How many mixed buckets are looked at by one round trip, and how many times in a
/// row: leases are renewed in between.
const PAGE: usize = 16;
const PAGES: usize = 32;
/// Versions of outcomes are above all of marks, which are times in µs.
const VERSION: u64 = 1 << 52;
/// What lives longer than this lives for ever.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Where an id's outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket(u64);

impl Bucket {
    pub(crate) fn of(id: MessageId) -> Self {
        let span = id.created_at().as_millis() >> SPAN_BITS;
        let part = id.hash_bits() & ((1 << PART_BITS) - 1);
        Self(span << PART_BITS | part)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// Positions in a batch of ids, by the bucket of each; as many at once as a call has.
pub(super) fn by_bucket(ids: impl Iterator<Item = MessageId>) -> Vec<(Bucket, Vec<usize>)> {
    let mut buckets: BTreeMap<Bucket, Vec<usize>> = BTreeMap::new();
    for (position, id) in ids.enumerate() {
        buckets.entry(Bucket::of(id)).or_default().push(position);
    }
    let mut parts = Vec::with_capacity(buckets.len());
    for (bucket, positions) in buckets {
        parts.extend(positions.chunks(AT_ONCE).map(|part| (bucket, part.to_vec())));
    }
    parts
}

/// How long something lives that expires then, in ms; nothing for ever.
pub(super) fn life(expires_at: Timestamp) -> Option<u64> {
    let left = expires_at.since(Timestamp::now());
    (left < LONGEST).then(|| millis(left).max(1000))
}

/// The calls that record outcomes, and what each of them records.
pub(crate) struct Recording {
    pub(crate) calls: Vec<Call>,
    pub(crate) records: Vec<Records>,
}

/// What one call records: the bucket, and the positions in the batch.
pub(crate) struct Records(Bucket, Vec<usize>);

impl Redis {
    pub(crate) fn recording(&self, batch: &[Completion]) -> Recording {
        let (mut calls, mut records) = (Vec::new(), Vec::new());
        let version = VERSION + Timestamp::now().as_millis();
        for (bucket, positions) in by_bucket(batch.iter().map(|completion| completion.id)) {
            let outcomes = positions.iter().map(|at| &batch[*at]);
            let ends = outcomes.clone().map(|completion| completion.expires_at);
            let mut call = Call::script(&RECORD, &self.shared.keys.outcomes(bucket));
            for end in [ends.clone().max(), ends.min()] {
                call.push(end.and_then(life).unwrap_or_else(|| millis(LONGEST)));
            }
            for completion in outcomes {
                call.push(&completion.id.as_bytes()[..]);
                call.push(record(version, completion));
            }
            calls.push(call);
            records.push(Records(bucket, positions));
        }
        Recording { calls, records }
    }

    /// Reads what the calls of a recording answered: the positions of outcomes that
    /// were not the first of their ids.
    pub(crate) async fn recorded(
        &self,
        records: Vec<Records>,
        answers: Vec<Value>,
    ) -> Result<Vec<usize>> {
        let (mut late, mut mixed) = (Vec::new(), Vec::new());
        for (Records(bucket, positions), answer) in records.iter().zip(answers) {
            let mut numbers = reply::list(answer)?.into_iter().map(|it| reply::number(&it));
            let life = numbers.next().transpose()?.unwrap_or_default();
            if life > 0 {
                let at = Timestamp::now().as_millis().saturating_add(life);
                let call = Call::command("ZADD").arg(self.shared.keys.mixed()).arg("LT");
                mixed.push(call.arg(at).arg(bucket.to_string()));
            }
            for number in numbers {
                late.extend(usize::try_from(number?).ok().and_then(|at| positions.get(at)));
            }
        }
        // What is recorded is recorded: at worst it is kept for longer.
        if let Err(error) = self.shared.client.all("complete", mixed).await {
            tracing::warn!(%error, "some outcomes may be kept for longer than they need be");
        }
        Ok(late)
    }
}

/// Takes out of mixed buckets what has expired; of very many, some.
pub(crate) async fn take_out_expired(shared: &Shared) -> Result<()> {
    let (keys, client) = (&shared.keys, &shared.client);
    for _ in 0..PAGES {
        let now = Timestamp::now().as_millis();
        let due = Call::command("ZRANGEBYSCORE").arg(keys.mixed()).arg("-inf").arg(now);
        let due = client.one("sweep", due.arg("LIMIT").arg(0).arg(PAGE)).await?;
        let buckets = reply::strings(due)?;
        let expire = |bucket: &Bytes| {
            let bucket = String::from_utf8_lossy(bucket);
            Call::script(&EXPIRE, &keys.outcomes(bucket))
        };
        let lives = client.all("sweep", buckets.iter().map(expire).collect()).await?;
        let mut again = Vec::with_capacity(buckets.len());
        for (bucket, life) in buckets.iter().zip(&lives) {
            again.push(match reply::number(life)? {
                0 => Call::command("ZREM").arg(keys.mixed()).arg(&bucket[..]),
                life => {
                    let at = now.saturating_add(life);
                    Call::command("ZADD").arg(keys.mixed()).arg(at).arg(&bucket[..])
                }
            });
        }
        client.all("sweep", again).await?;
        if buckets.len() < PAGE {
            break;
        }
    }
    Ok(())
}

/// Version, end of life (both 8 bytes), outcome.
fn record(version: u64, completion: &Completion) -> Vec<u8> {
    let mut record = version.to_be_bytes().to_vec();
    record.extend(completion.expires_at.as_millis().to_be_bytes());
    record.extend(wire::encode_outcome(&completion.outcome));
    record
}

pub(super) fn read(id: MessageId, record: &Bytes) -> Result<Entry> {
    let parts = record.split_first_chunk::<8>();
    let parts = parts.and_then(|(version, rest)| Some((version, rest.split_first_chunk::<8>()?)));
    let Some((version, (_, outcome))) = parts else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_together_share_few_buckets_and_what_they_cause_does() {
        let at = |millis| MessageId::at(Timestamp::from_millis(millis));
        let ids = Vec::from_iter((6400..6464).map(at));
        let causes = ids.iter().map(|id| id.derive("cause"));
        let all = by_bucket(ids.iter().copied().chain(causes));
        assert!(all.len() <= 4, "{all:?}");
        assert_eq!(all.iter().flat_map(|(_, positions)| positions).count(), 128);
        assert!(all.iter().all(|(bucket, _)| *bucket != Bucket::of(at(6464))));
    }
}
