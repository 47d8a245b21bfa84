//! A statechart as data: what `statechart!` writes, what the lifecycle follows
//! and what [`viz`](crate::viz) draws. How a transition is carried out is not
//! known here.

mod typed;

pub use typed::{ChartState, ChartTrigger, Place, Refused, Statechart};

/// A chart: a tree of states, and the arrows between them.
///
/// Regions run in parallel with the chart that names them; each is a chart of
/// its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Chart {
    /// Its name, as declared.
    pub name: &'static str,
    /// Every state, parents before their sub-states, in the order of
    /// declaration.
    pub states: &'static [StateNode],
    /// Every transition, in the order of declaration. One that leaves a resting
    /// state leaves that state alone; one that leaves another leaves all inside.
    pub arrows: &'static [Arrow],
    /// The regions that run beside it.
    pub regions: &'static [Region],
    /// The chart whose leaves this one refines, if it extends another. The states
    /// of that chart are not repeated here.
    pub extends: Option<&'static Chart>,
}

/// One state of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateNode {
    /// The full path, outermost first, for example `started.running.healthy`.
    pub path: &'static str,
    /// The last part of the path.
    pub name: &'static str,
    /// The index of the state around it. `None`: outermost (or, in a chart that
    /// extends another, a sub-state of that chart's leaf).
    pub parent: Option<usize>,
    /// Whether entering the state around it enters this one.
    pub initial: bool,
    /// Whether an actor can rest in it: a leaf, or a state whose sub-states are
    /// passed one after the other.
    pub resting: bool,
}

/// One transition of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// What fires it.
    pub trigger: &'static str,
    /// The index of the state it leaves.
    pub from: usize,
    /// The index of the state it enters; if that one has an initial sub-state,
    /// the innermost of these is reached.
    pub to: usize,
}

/// A region that runs in parallel with a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its chart.
    pub chart: &'static Chart,
    /// Whether there are many instances of it (one per task, say).
    pub many: bool,
}
