//! What the enums that `statechart!` writes have in common, the names of their
//! states, and the error of a trigger that a state does not allow.

use std::fmt;
use std::marker::PhantomData;

use super::Chart;

/// A chart that [`statechart!`](macro@crate::statechart) wrote.
pub trait Statechart {
    /// The states that one can rest in.
    type State: ChartState;
    /// What can happen.
    type Trigger: ChartTrigger;
    /// The chart as data.
    const CHART: &'static Chart;

    /// The state that `trigger` leads to from `state`.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the chart has no such transition.
    fn next(state: Self::State, trigger: Self::Trigger) -> Result<Self::State, Refused>;
}

/// A state of a chart that one can rest in.
pub trait ChartState: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Every one, in the order of declaration.
    const ALL: &'static [Self];

    /// Its place in [`ALL`](Self::ALL).
    fn index(self) -> usize;

    /// The full path, outermost first.
    fn path(self) -> &'static str;
}

/// A trigger of a chart.
pub trait ChartTrigger: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Every one, in the order of declaration.
    const ALL: &'static [Self];

    /// Its place in [`ALL`](Self::ALL).
    fn index(self) -> usize;

    /// Its name in the chart.
    fn name(self) -> &'static str;
}

/// A state that is named by its path: a leaf, or a composite, which stands for
/// every state inside of it.
///
/// ```
/// use jumpstarter::{State, lifecycle};
///
/// assert!(lifecycle::started::running.contains(State::Degraded));
/// assert!(!lifecycle::started::running.contains(State::Paused));
/// assert_eq!(lifecycle::started::running::degraded.path(), "started.running.degraded");
/// ```
pub struct Place<S> {
    path: &'static str,
    states: u64,
    of: PhantomData<fn() -> S>,
}

impl<S> Place<S> {
    /// For the code that `statechart!` writes: a bit for each state inside.
    #[doc(hidden)]
    pub const fn new(path: &'static str, states: u64) -> Self {
        Place { path, states, of: PhantomData }
    }

    /// The full path, outermost first.
    pub const fn path(self) -> &'static str {
        self.path
    }
}

impl<S: ChartState> Place<S> {
    /// Whether `state` is this state, or inside of it.
    pub fn contains(self, state: S) -> bool {
        self.states & (1 << state.index()) != 0
    }
}

impl<S> Clone for Place<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Place<S> {}

impl<S> fmt::Debug for Place<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.path).finish()
    }
}

impl<S> fmt::Display for Place<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

/// A trigger that the current state does not allow, or a condition does not;
/// nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{trigger} while {state}{}", Unmet(*condition))]
#[non_exhaustive]
pub struct Refused {
    /// What was asked for.
    pub trigger: &'static str,
    /// The full path of the state that refused it.
    pub state: &'static str,
    /// The condition that was not met. `None`: the chart has no such transition.
    pub condition: Option<&'static str>,
}

impl Refused {
    /// The chart has no such transition.
    pub const fn new(trigger: &'static str, state: &'static str) -> Self {
        Refused { trigger, state, condition: None }
    }
}

struct Unmet(Option<&'static str>);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(condition) => write!(f, ": `{condition}` does not hold"),
            None => Ok(()),
        }
    }
}
