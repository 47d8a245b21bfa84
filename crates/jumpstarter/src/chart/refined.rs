//! A chart that extends the lifecycle: sub-states of its leaves, as the core of
//! an actor keeps and moves them.

use super::{Chart, ChartState, Place};
use crate::lifecycle::State;

/// In [`Refinement::table`]: no transition.
const NOWHERE: u8 = u8::MAX;

/// The sub-states that a chart puts into leaves of the lifecycle. Written by
/// `statechart!`, found by its [`Extension`].
#[derive(Debug)]
pub struct Refinement {
    /// The chart.
    pub chart: &'static Chart,
    /// The full path of each sub-state.
    pub paths: &'static [&'static str],
    /// The leaves, and the number of the sub-state that is entered with each.
    pub entries: &'static [(Place<State>, u8)],
    /// The names of its triggers.
    pub triggers: &'static [&'static str],
    /// For each trigger, the number of the sub-state that it leads to from each;
    /// 255 for none.
    pub table: &'static [&'static [u8]],
}

impl Refinement {
    /// The sub-state that is entered with a leaf, counted from 1; 0 is none.
    pub(crate) fn entered(&self, leaf: State) -> u8 {
        let entry = self.entries.iter().find(|(place, _)| place.contains(leaf));
        entry.map_or(0, |(_, number)| number + 1)
    }

    /// Where a trigger leads from a sub-state, both counted from 1.
    pub(crate) fn next(&self, sub: u8, trigger: usize) -> Option<u8> {
        let row = self.table.get(trigger)?;
        let to = *row.get(usize::from(sub).checked_sub(1)?)?;
        (to != NOWHERE).then(|| to + 1)
    }
}

/// A chart that extends the [`Lifecycle`](crate::Lifecycle).
pub trait Extension: super::Statechart<State: SubState> {
    /// Its sub-states, as the actor keeps them.
    const REFINEMENT: &'static Refinement;
}

/// A sub-state of a leaf of the lifecycle.
pub trait SubState: ChartState {}

/// Names of states that an actor can be asked about.
pub trait Within {
    /// Whether this is active; `sub` is counted from 1, 0 is none.
    #[doc(hidden)]
    fn holds(self, state: State, sub: u8) -> bool;

    /// The full path.
    fn path(self) -> &'static str;
}

impl Within for Place<State> {
    fn holds(self, state: State, _sub: u8) -> bool {
        self.contains(state)
    }

    fn path(self) -> &'static str {
        Place::path(self)
    }
}

impl<S: SubState> Within for Place<S> {
    fn holds(self, _state: State, sub: u8) -> bool {
        let found = usize::from(sub).checked_sub(1).and_then(|sub| S::ALL.get(sub));
        found.is_some_and(|sub| self.contains(*sub))
    }

    fn path(self) -> &'static str {
        Place::path(self)
    }
}
