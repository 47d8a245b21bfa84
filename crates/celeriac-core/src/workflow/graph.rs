//! The graph: what a canvas is compiled to, stored once, in pages.
//!
//! Steps are numbered in the order of the expression: a composition, what it
//! is composed of, its callbacks. So every part of a workflow is a range of
//! numbers, and the next sibling of a step is where its own range ends.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Condition, Each, JsonPath, Policy, Signature};

/// A step's number in its graph.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a step's result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// To the next step.
    Step(StepId),
    /// Into a join, as the member of that index.
    Member {
        /// The group or fork.
        join: StepId,
        /// The member's index.
        index: u32,
    },
    /// It is the result of what encloses the step.
    Parent,
    /// It is the result of the workflow, or of one round of a loop.
    End,
    /// Nowhere: the step is a callback.
    Nothing,
}

/// Where the result of a [`Kind::Stage`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The stage that needs it, or the whole.
    pub to: StepId,
    /// Which of its needs it is, from 0.
    pub index: u32,
}

/// What a step is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// A task.
    Task {
        /// What is sent.
        signature: Signature,
        /// Whether one command runs it over a list.
        each: Option<Each>,
        /// Where in the result of the step before its argument is.
        pick: JsonPath,
    },
    /// One after the other.
    Chain,
    /// All at once.
    Group {
        /// How many.
        width: u32,
        /// When it ends.
        policy: Policy,
    },
    /// All at once, by name.
    Fork {
        /// The branches' names.
        names: Vec<String>,
        /// When it ends.
        policy: Policy,
    },
    /// Stages that need each other.
    Dag {
        /// Those that need nothing.
        roots: Vec<StepId>,
        /// The names of those that no other needs, in order.
        outputs: Vec<String>,
        /// When it ends.
        policy: Policy,
    },
    /// A step of a dag: a join of what it needs, and what it runs then.
    Stage {
        /// Its name.
        name: String,
        /// The names of what it needs.
        needs: Vec<String>,
        /// Where its result goes.
        feeds: Vec<Feed>,
        /// Whether its failure goes on as a value.
        settle: bool,
    },
    /// The first branch whose condition holds; one branch more than
    /// conditions, if there is another for when none holds.
    Switch {
        /// The conditions of the branches, in order.
        conditions: Vec<Condition>,
        /// Whether there is another branch.
        otherwise: bool,
    },
    /// Each round is a workflow of its own, of the part of this graph below.
    Loop {
        /// When it is enough.
        until: Condition,
        /// How many rounds at the most.
        max: u32,
    },
    /// A task over a list that is known only when the step begins: a workflow
    /// of its own.
    Map {
        /// The task.
        signature: Signature,
        /// Where the list is.
        items: JsonPath,
        /// Whether an item is a list of arguments.
        each: Each,
        /// How many items a command has; `None` for one, not in a list.
        size: Option<u32>,
        /// When it ends.
        policy: Policy,
    },
}

impl Kind {
    /// The word for it in paths.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Task { .. } => "task",
            Self::Chain => "chain",
            Self::Group { .. } => "group",
            Self::Fork { .. } => "fork",
            Self::Dag { .. } => "dag",
            Self::Stage { .. } => "stage",
            Self::Switch { .. } => "switch",
            Self::Loop { .. } => "loop",
            Self::Map { size: None, .. } => "map",
            Self::Map { size: Some(_), .. } => "chunks",
        }
    }
}

/// One step: what it is, where it is, and what follows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// What encloses it.
    pub parent: Option<StepId>,
    /// Its position in what encloses it.
    pub position: u32,
    /// Where its result goes.
    pub then: Then,
    /// Its first callback: where what it is composed of ends.
    pub inner_end: StepId,
    /// How many callbacks are for its success; they come first.
    pub links: u32,
    /// Where its own range ends: callbacks for its failure come last.
    pub end: StepId,
}

impl Node {
    /// The callbacks for its success.
    #[must_use]
    pub const fn link_steps(&self) -> Range<u32> {
        self.inner_end.0..self.inner_end.0 + self.links
    }

    /// The callbacks for its failure.
    #[must_use]
    pub const fn on_error_steps(&self) -> Range<u32> {
        self.inner_end.0 + self.links..self.end.0
    }
}

/// Steps that are stored together; a copy shares them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The number of the first.
    pub first: StepId,
    /// The steps in order.
    pub nodes: Arc<[Node]>,
}

impl Page {
    /// How many steps a page has at the most.
    pub const MAX_NODES: usize = 256;
    /// How large the signatures of a page become before another is begun.
    pub const FULL_BYTES: usize = 64 << 10;

    /// The number after the last.
    #[must_use]
    pub fn end(&self) -> StepId {
        StepId(self.first.0 + self.nodes.len() as u32)
    }

    /// A step of this page.
    #[must_use]
    pub fn node(&self, step: StepId) -> Option<&Node> {
        self.nodes.get(step.0.checked_sub(self.first.0)? as usize)
    }
}
