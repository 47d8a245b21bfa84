//! Revocations: ids that no worker may run.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::{BoxFuture, MessageId, Timestamp};

/// Revocations since a watcher looked last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// What to give to the next call.
    pub cursor: u64,
    /// Ids that were revoked since.
    pub ids: Vec<MessageId>,
}

/// Ids that no worker may run.
pub trait Revocations {
    /// Revokes ids until a point in time, durably.
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>>;

    /// Those of `ids` that are revoked. Asked for every batch before it runs:
    /// it must be cheap while little is revoked.
    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>>;

    /// Waits for revocations after `cursor` (0: the first call, which answers
    /// at once with all there are). Cancel-safe.
    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>>;
}
