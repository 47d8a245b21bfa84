//! Awaiting the start of another actor during one's own: a circle is an error
//! instead of a wait without end.
//!
//! While an actor starts, its code is polled with the actor's identity at hand,
//! so that [`Address::started`](crate::Address::started) knows who waits. That is
//! an edge of the graph as long as the wait lasts.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cell::{self, AnyCell};
use crate::core::Core;
use crate::error::{Cause, Crash, StartError, StartFailure};
use crate::sync::per_thread;

per_thread! {
    /// Whose start this thread works on.
    static STARTER: std::cell::Cell<Option<Starter>> = const { std::cell::Cell::new(None) };
}

/// An actor that starts: its number, and where its core is, as numbers are
/// those of one system.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Starter {
    id: u64,
    core: usize,
}

impl Starter {
    fn of(core: &Core) -> Self {
        Starter { id: core.id, core: std::ptr::from_ref(core).addr() }
    }
}

pin_project! {
    /// The start of an actor.
    pub(crate) struct Starting<'a, F> {
        core: &'a Core,
        #[pin]
        future: F,
    }
}

impl<'a, F> Starting<'a, F> {
    pub(crate) fn new(core: &'a Core, future: F) -> Self {
        Starting { core, future }
    }
}

impl<F: Future> Future for Starting<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _other =
            Meanwhile(STARTER.with(|starter| starter.replace(Some(Starter::of(this.core)))));
        this.future.poll(cx)
    }
}

/// Whose start the thread goes back to, also after a panic.
struct Meanwhile(Option<Starter>);

impl Drop for Meanwhile {
    fn drop(&mut self) {
        STARTER.with(|starter| starter.set(self.0));
    }
}

/// Waits until an actor is started; from the code of one that starts itself it
/// is an error if that one has to start first.
pub(crate) async fn started(target: &Arc<dyn AnyCell>) -> Result<(), StartError> {
    let core = target.core();
    let starter = STARTER.with(std::cell::Cell::get);
    let own = starter.and_then(|own| core.system.registry().get(own.id).zip(Some(own)));
    let Some((own, _)) = own.filter(|(cell, own)| Starter::of(cell.core()) == *own) else {
        return cell::started(core).await;
    };
    let _awaited = Awaited::begin(own, target).map_err(|failure| StartError {
        path: core.path.to_string(),
        crash: Some(Crash::new(Cause::Start, failure)),
    })?;
    cell::started(core).await
}

/// An edge of the graph: one that starts waits for the start of another.
struct Awaited {
    own: Arc<dyn AnyCell>,
    id: u64,
}

impl Awaited {
    fn begin(own: Arc<dyn AnyCell>, target: &Arc<dyn AnyCell>) -> Result<Self, StartFailure> {
        let system = &target.core().system;
        {
            let core = own.core();
            let _one_at_a_time = system.graph().lock();
            if let Some(mut types) = way_of_waits(target, core.id) {
                types.insert(0, core.type_name());
                return Err(StartFailure::Cycle { types });
            }
            core.with_cold(|cold| cold.awaited.push(Arc::clone(target)));
        }
        Ok(Awaited { own, id: target.core().id })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let gone = self.own.core().peek_cold(|cold| {
            let place = cold.awaited.iter().position(|cell| cell.core().id == self.id);
            place.map(|place| cold.awaited.swap_remove(place))
        });
        // Outside of the lock: it may be the last handle.
        drop(gone);
    }
}

/// The types on the way from `from` to the actor with the id `to`, where each
/// waits for the start of the next.
pub(crate) fn way_of_waits(from: &Arc<dyn AnyCell>, to: u64) -> Option<Vec<&'static str>> {
    search(from, to, &mut HashSet::new())
}

fn search(
    from: &Arc<dyn AnyCell>,
    to: u64,
    visited: &mut HashSet<u64>,
) -> Option<Vec<&'static str>> {
    let core = from.core();
    if core.id == to {
        return Some(vec![core.type_name()]);
    }
    // One that is started waits for nobody.
    if core.state().is_started() || !visited.insert(core.id) {
        return None;
    }
    let next = core.peek_cold(|cold| {
        let awaited = cold.awaited.iter();
        cold.needs().chain(awaited).cloned().collect::<Vec<_>>()
    });
    next?.iter().find_map(|next| search(next, to, visited)).map(|mut types| {
        types.insert(0, core.type_name());
        types
    })
}
