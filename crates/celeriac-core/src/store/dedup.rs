//! Deduplication of sends by a key of the sender's choice.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::{BoxFuture, MessageId, Timestamp};

/// The wish to be the only message of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The key.
    pub key: String,
    /// The message that would be sent.
    pub id: MessageId,
    /// The present time.
    pub now: Timestamp,
    /// The end of the window.
    pub until: Timestamp,
}

/// The answer to a [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claimed {
    /// The key is the claimer's; it publishes with `may_repeat`, then confirms:
    /// who came meanwhile may have published it first.
    Ours,
    /// Another message holds the key.
    Held {
        /// That message.
        id: MessageId,
        /// Whether it is known to be published. If not, its sender may have
        /// died: publish under that id, with `may_repeat`, and confirm.
        confirmed: bool,
    },
}

/// Deduplication of sends.
pub trait Dedup {
    /// Claims keys, durably and atomically each; an expired claim is free.
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>>;

    /// Notes that the messages which hold these keys are published.
    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>>;
}
