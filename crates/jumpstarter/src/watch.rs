//! Death watch: an actor hears when another one has ended for good.

use std::sync::{Arc, Weak};

use crate::actor::{Actor, Handler};
use crate::address::Address;
use crate::cell::{AnyCell, Exit, exit};
use crate::context::Context;
use crate::core::Core;
use crate::reply::Reply;

/// An actor that was [watched](Context::watch) has ended for good. A restart is
/// not an end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terminated {
    /// Where it was in the tree.
    pub path: String,
    /// How it ended.
    pub exit: Exit,
    id: u64,
}

impl Terminated {
    fn of(core: &Core) -> Self {
        Terminated { path: core.path.to_string(), exit: exit(core), id: core.id }
    }

    /// Whether that actor is the one that ended; paths need not be unique.
    pub fn is<B: Actor>(&self, address: &Address<B>) -> bool {
        address.cell().core.id == self.id
    }
}

/// One who hears of the end.
pub(crate) struct Watch {
    id: u64,
    watcher: Weak<dyn AnyCell>,
    tell: Box<dyn FnOnce(Terminated) + Send>,
}

impl Watch {
    fn is_of_use(&self) -> bool {
        self.watcher.upgrade().is_some_and(|watcher| !watcher.core().is_finished())
    }
}

impl<A: Actor> Context<A> {
    /// Delivers a [`Terminated`] to this actor when that one has ended for good;
    /// at once if it has already. It overtakes the messages that wait.
    ///
    /// Watching the same actor again changes nothing. A watch outlives the
    /// restarts of either side.
    pub fn watch<B: Actor>(&self, address: &Address<B>)
    where
        A: Handler<Terminated>,
    {
        let own = self.address();
        let watcher = Arc::downgrade(own.cell());
        let tell = move |terminated| {
            if let Some(cell) = watcher.upgrade() {
                cell.overtake(A::envelope(terminated, Reply::nobody()));
            }
        };
        let watcher = Arc::downgrade(&own.any_cell());
        let watch = Watch { id: own.cell().core.id, watcher, tell: Box::new(tell) };
        let target = &address.cell().core;
        if let Some(late) = add(target, watch) {
            (late.tell)(Terminated::of(target));
        }
    }

    /// No longer watches that actor. A [`Terminated`] that is on its way already
    /// still arrives.
    pub fn unwatch<B: Actor>(&self, address: &Address<B>) {
        let id = self.address().cell().core.id;
        address.cell().core.peek_cold(|cold| cold.death_watch.retain(|watch| watch.id != id));
    }
}

/// Gives the watch back if the actor has ended already.
fn add(target: &Core, watch: Watch) -> Option<Watch> {
    target.with_cold(|cold| {
        if target.is_finished() {
            return Some(watch);
        }
        cold.death_watch.retain(|known| known.id != watch.id && known.is_of_use());
        cold.death_watch.push(watch);
        None
    })
}

/// Tells all who watch an actor that it has ended.
pub(crate) fn announce(core: &Core) {
    let watches = core.peek_cold(|cold| std::mem::take(&mut cold.death_watch));
    for watch in watches.unwrap_or_default() {
        (watch.tell)(Terminated::of(core));
    }
}
