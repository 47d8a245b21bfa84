//! Ids, times and numbers as columns.

use celeriac_core::{MessageId, Timestamp};
use sqlx::types::Uuid;

pub(crate) fn uuid(id: MessageId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(crate) fn uuids(ids: &[MessageId]) -> Vec<Uuid> {
    ids.iter().copied().map(uuid).collect()
}

pub(crate) fn id(uuid: Uuid) -> MessageId {
    MessageId::from_bytes(uuid.into_bytes())
}

/// Later than what a `bigint` can hold is never.
pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> Timestamp {
    match millis {
        i64::MAX => Timestamp::NEVER,
        millis => Timestamp::from_millis(millis.unsigned_abs()),
    }
}

/// As many as PostgreSQL can count.
pub(crate) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
