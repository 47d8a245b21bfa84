//! The cases of `docs/spec/source.md`.

pub mod poll;

use celeriac_core::source::Document;
use celeriac_core::{BoxFuture, Source};

/// A source with a cursor under test, over an empty place of its own.
pub trait SourceHarness: Send + Sync + 'static {
    /// A new source over the place, as after a restart.
    fn source(&self) -> Box<dyn Source>;

    /// Puts the `number`th thing there; numbers come in order, from 0 on.
    fn put(&self, number: u64) -> BoxFuture<'_, ()>;

    /// Which thing it was that the source found.
    fn number(&self, document: &Document) -> u64;
}
