//! The `tracing` span of an actor: `actor{path, type}` around everything that its
//! own code does.

use tracing::Span;
use tracing::span::Entered;

use crate::core::Core;

/// Made once per incarnation. Without a subscriber that wants it, it is one word
/// that is empty.
#[derive(Default)]
pub(crate) struct ActorSpan(Option<Box<Span>>);

impl ActorSpan {
    pub(crate) fn of(core: &Core) -> Self {
        // Also where whoever awaits the actor begins its life, in a span of his own.
        let (path, type_name) = (&core.path, core.type_name());
        let span = tracing::info_span!(parent: None, "actor", %path, "type" = type_name);
        ActorSpan((!span.is_disabled()).then(|| Box::new(span)))
    }

    /// For the time of one poll.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_deref().map(Span::enter)
    }
}
