//! A drawing that follows what happens.

use std::collections::HashSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::{AnyCell, ended};
use crate::chart::Chart;
use crate::event::{Event, Events};
use crate::snapshot::ActorSnapshot;
use crate::system::System;

use super::Drawing;

/// A drawing that is made anew whenever what it shows has changed.
///
/// Changes are those of the system's event stream: states, crashes, restarts and
/// ends. Counters such as the depth of a mailbox are as they are at such a
/// moment. Several changes in a row can make one drawing.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use jumpstarter::{Options, System, actor, viz};
/// use std::time::Duration;
///
/// struct Clerk;
///
/// #[actor]
/// impl Clerk {}
///
/// let system = System::new("office");
/// let mut live = viz::Live::tree(&system);
/// system.spawn("clerk", Options::default(), || Clerk).started().await.unwrap();
/// let drawing = live.next().await.unwrap();
/// assert!(drawing.mermaid().contains("clerk"));
///
/// system.shutdown(Duration::from_secs(1)).await;
/// while live.next().await.is_some() {}
/// # });
/// ```
pub struct Live {
    system: System,
    events: Events,
    what: What,
    /// Becomes ready when an actor has left the tree, of which no event tells.
    ends: FuturesUnordered<Pin<Box<dyn Future<Output = u64> + Send>>>,
    awaited: HashSet<u64>,
    drawn: bool,
    over: bool,
}

enum What {
    Tree,
    Instance { cell: Arc<dyn AnyCell>, chart: &'static Chart },
}

enum Heard {
    Event(Event),
    /// The actor of that number has left the tree.
    End(u64),
    Nothing,
}

impl Live {
    /// Follows the whole tree. Ends when the system was shut down.
    pub fn tree(system: &System) -> Self {
        Live::new(system, What::Tree)
    }

    /// Follows an actor in the chart of its type. Ends when the actor has ended
    /// for good; its last state is drawn.
    pub fn instance<A: Actor>(actor: &Address<A>, chart: &'static Chart) -> Self {
        let cell = actor.any_cell();
        let mut live = Live::new(&actor.cell().core.system, What::Instance { cell, chart });
        live.await_end_of(actor.any_cell());
        live
    }

    fn new(system: &System, what: What) -> Self {
        Live {
            system: system.clone(),
            events: system.events(),
            what,
            ends: FuturesUnordered::new(),
            awaited: HashSet::new(),
            drawn: false,
            over: false,
        }
    }

    /// The drawing after the next change; the first time, the one of now.
    /// `None` when there is nothing to follow any more.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Drawing> {
        if self.over {
            return None;
        }
        if self.drawn && !self.changed().await {
            self.over = true;
            return None;
        }
        self.drawn = true;
        Some(self.draw())
    }

    /// Waits for a change, and takes those that are there already with it.
    async fn changed(&mut self) -> bool {
        loop {
            match self.wait().await {
                Heard::Nothing => return false,
                Heard::Event(event) if !self.concerns(&event) => continue,
                Heard::Event(_) => {}
                Heard::End(id) => {
                    self.awaited.remove(&id);
                }
            }
            while let Some(event) = self.events.try_next() {
                self.concerns(&event);
            }
            return true;
        }
    }

    async fn wait(&mut self) -> Heard {
        if self.ends.is_empty() {
            return self.events.next().await.map_or(Heard::Nothing, Heard::Event);
        }
        let event = pin!(self.events.next());
        match select(event, self.ends.next()).await {
            Either::Left((event, _)) => event.map_or(Heard::Nothing, Heard::Event),
            Either::Right((end, _)) => end.map_or(Heard::Nothing, Heard::End),
        }
    }

    fn concerns(&mut self, event: &Event) -> bool {
        let path = match event {
            Event::StateChanged { path, to, .. } => {
                if matches!(to.path(), "stopped" | "crashed") {
                    self.await_end(path);
                }
                path
            }
            Event::RestartRegionChanged { path, .. }
            | Event::TaskChanged { path, .. }
            | Event::Crashed { path, .. }
            | Event::Restarted { path, .. }
            | Event::GroupRestarted { path, .. }
            | Event::GaveUp { path, .. } => path,
            Event::Missed(_) => return true,
            Event::DeadLetter { .. }
            | Event::TaskPanicked { .. }
            | Event::TurnAbandoned { .. }
            | Event::NotReleased { .. } => return false,
        };
        match &self.what {
            What::Tree => true,
            What::Instance { cell, .. } => *cell.core().path == **path,
        }
    }

    fn await_end(&mut self, path: &str) {
        if let Some(cell) = self.system.find_cell(path) {
            self.await_end_of(cell);
        }
    }

    fn await_end_of(&mut self, cell: Arc<dyn AnyCell>) {
        let id = cell.core().id;
        if self.awaited.insert(id) {
            self.ends.push(Box::pin(async move {
                ended(cell.core()).await;
                id
            }));
        }
    }

    fn draw(&mut self) -> Drawing {
        match &self.what {
            What::Tree => {
                let actors = self.system.snapshot();
                self.over = actors.is_empty() && self.system.is_shutting_down();
                super::tree_of(self.system.name(), &actors)
            }
            What::Instance { cell, chart } => {
                self.over = cell.core().is_finished();
                super::instance(chart, &ActorSnapshot::of(cell.as_ref()))
            }
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("system", &self.system.name()).finish_non_exhaustive()
    }
}
