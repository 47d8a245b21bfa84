//! Workflows as data: the expression that a user builds, the graph that it is
//! compiled to, and what is known of one in flight.
//!
//! Nothing here decides anything: compiling, stepping and conditions are
//! `celeriac_engine::canvas`.

mod canvas;
mod condition;
mod error;
mod graph;
mod record;
mod value;

pub use canvas::{Binding, Canvas, Each, Items, Millis, Options, Policy, Shape, Signature, Stage};
pub use condition::{Comparison, Condition, JsonPath, PathError, Segment};
pub use error::StepError;
pub use graph::{Feed, Kind, Node, Page, StepId, Then};
pub use record::{End, NewWorkflow, Parent, Record, Signal, Status, StepMark, Workflow};
pub use value::{Form, Member, Reference, Value};

/// The name of the messages that a workflow sends to itself: their body is a
/// [`Signal`]. The router works on them; no task has the name.
pub const SIGNAL: crate::Name = crate::Name::from_static("celeriac::signal");
/// How deep compositions nest at the most, a task counted too: so deep can they
/// be read on a thread with a small stack.
pub const MAX_DEPTH: usize = 32;
/// How many steps a graph has at the most, callbacks and compositions counted.
pub const MAX_STEPS: usize = 1 << 20;
/// How many callbacks of a kind a node has at the most.
pub const MAX_CALLBACKS: usize = 64;
