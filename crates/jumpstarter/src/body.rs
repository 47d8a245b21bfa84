//! The future that the runtime is given for an actor: small until its first poll.

use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::actor::Actor;
use crate::cell::Cell;
use crate::error::BoxError;
use crate::options::Manner;
use crate::runner::Runner;

/// What a spawned actor is until it is polled: its factory and two words. The future
/// of its life, ten times as large, is allocated by the first poll. So the runtime's
/// task is small, which is moved three times and aligned to 128 bytes; and of many
/// actors that are over in one poll, one at a time takes the room. In one future, a
/// spawn took 9 % more instructions, and the peak of a skynet was 337 MiB instead of
/// 249. By hand, as an async block has no place to put the life where the factory was.
pub(crate) enum Body<A: Actor, F> {
    Seed {
        cell: Arc<Cell<A>>,
        factory: F,
        manner: Manner,
    },
    Living(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// While it comes to life.
    Between,
}

// Nothing in it is pinned: the life is in a box.
impl<A: Actor, F> Unpin for Body<A, F> {}

impl<A, F> Future for Body<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let body = self.get_mut();
        body.come_to_life();
        match body {
            Body::Living(life) => life.as_mut().poll(cx),
            Body::Seed { .. } | Body::Between => Poll::Ready(()),
        }
    }
}

impl<A, F> Body<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    /// Apart from the poll, which thus is in one place and inlines its parts.
    #[inline]
    fn come_to_life(&mut self) {
        if matches!(self, Body::Seed { .. })
            && let Body::Seed { cell, factory, manner } = replace(self, Body::Between)
        {
            *self = Body::Living(Box::pin(Runner::new(cell, factory, manner).live()));
        }
    }
}
