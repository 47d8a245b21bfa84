//! The cases of `docs/spec/sink.md`.

pub mod write;

use std::sync::Arc;

use celeriac_core::{BoxFuture, Message, MessageId, Sink};

/// A sink under test, on an empty place of its own.
pub trait SinkHarness: Send + Sync + 'static {
    /// A new sink over the place, as after a restart.
    fn sink(&self) -> Box<dyn Sink>;

    /// What is written there, in order; repetitions too.
    fn written(&self) -> BoxFuture<'_, Vec<MessageId>>;

    /// A document that the sink never takes; `None` if it takes all.
    fn refused(&self) -> Option<Arc<Message>>;

    /// Makes writing fail for a while.
    fn break_down(&self);

    /// Ends that.
    fn mend(&self);
}
