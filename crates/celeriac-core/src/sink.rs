//! Sinks: where result documents are saved. What every sink owes.
//!
//! The duties are numbered in `docs/spec/sink.md`; each has a case in the
//! conformance suite of `celeriac-testkit`. How documents come to a sink, and
//! wait while it is down, is the router's affair.

pub mod json;

use std::sync::Arc;

use crate::error::Result;
use crate::{BoxFuture, Message, QueueName};

/// The name that stands for the store, which keeps every outcome anyway: a call
/// whose only sink it is writes to no other.
pub const STORE: &str = "store";

/// How many documents a sink is given at once, unless it says otherwise.
pub const DEFAULT_BATCH: usize = 256;

/// The queue in which a sink's documents wait, one for each sink, so that one
/// that is down holds up no other.
#[must_use]
pub fn queue_of(sink: &str) -> QueueName {
    QueueName::from(format!("sink.{sink}"))
}

/// Where result documents are saved. See `docs/spec/sink.md` for the numbered
/// duties.
pub trait Sink: Send + 'static {
    /// Saves documents.
    ///
    /// * `Ok` says that all of them are as durable as the sink promises, in the
    ///   order given, behind those of earlier calls (K-01, K-02).
    /// * On `Err` any of them may be saved: all are given again. The same
    ///   document bears the same id, so that whoever reads can tell (K-03).
    /// * `Invalid` says that a document of the batch will never be taken; given
    ///   one by one, the others are (K-04).
    /// * A dropped future may have saved any of them, and harms nothing (K-05).
    /// * It may block: it is called from a thread of its own.
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>>;

    /// How many documents it wants at once, at most. Default [`DEFAULT_BATCH`].
    fn max_batch(&self) -> usize {
        DEFAULT_BATCH
    }
}
