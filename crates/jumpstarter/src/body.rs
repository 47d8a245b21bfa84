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
/// task, which is moved three times and is aligned to 128 bytes, is small; and of many
/// actors that are spawned at once and are over in one poll, one has a life at a time:
/// without this a spawn took 12 % more instructions, and skynet half as much memory
/// again.
pub(crate) enum Body<A: Actor, F> {
    Seed { cell: Arc<Cell<A>>, factory: F, manner: Manner },
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
        if let Body::Living(life) = body {
            return life.as_mut().poll(cx);
        }
        let Body::Seed { cell, factory, manner } = replace(body, Body::Between) else {
            return Poll::Ready(());
        };
        let mut life = Box::pin(Runner::new(cell, factory, manner).live());
        let polled = life.as_mut().poll(cx);
        if polled.is_pending() {
            *body = Body::Living(life);
        }
        polled
    }
}
