//! The canvas expression: signatures, and how they are composed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Condition, JsonPath};
use crate::arguments::Arguments;
use crate::{HeaderValue, Name, Priority, QueueName, RetryPolicy};

/// Options of one step. What is not given is the task's, then the queue's,
/// then the app's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The queue that it waits in.
    pub queue: Option<QueueName>,
    /// How urgent it is within its queue.
    pub priority: Option<Priority>,
    /// How long it waits before it may run.
    #[serde(rename = "countdown_ms")]
    pub countdown: Option<Millis>,
    /// How long after it was sent it may still begin.
    #[serde(rename = "expires_ms")]
    pub expires: Option<Millis>,
    /// How a failure is tried again.
    pub retry: Option<RetryPolicy>,
    /// The hard time limit.
    #[serde(rename = "time_limit_ms")]
    pub time_limit: Option<Millis>,
    /// The soft time limit.
    #[serde(rename = "soft_time_limit_ms")]
    pub soft_time_limit: Option<Millis>,
    /// How long the outcome is kept.
    #[serde(rename = "result_ttl_ms")]
    pub result_ttl: Option<Millis>,
    /// Messages with the same token share a concurrency limit.
    pub concurrency_token: Option<String>,
    /// Where the result goes, beside the store.
    pub sinks: Vec<String>,
    /// The user's own headers.
    pub headers: BTreeMap<String, HeaderValue>,
}

/// A duration in whole milliseconds on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(#[serde(with = "crate::time::millis")] pub Duration);

/// A task's name, arguments and options, not yet sent: the atom of canvas.
///
/// ```
/// use celeriac_core::workflow::Signature;
/// let signature = Signature::new("add").argument(2_i64);
/// assert!(!signature.immutable);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The task.
    pub task: Name,
    /// Its arguments; the result of the step before comes in front of them.
    pub arguments: Arguments,
    /// Whether the result of the step before is ignored.
    pub immutable: bool,
    /// What differs from the task's own options; steps with the same share them.
    pub options: Option<Arc<Options>>,
    /// Arguments that are taken from what comes in. If there are any, what comes
    /// in does not come in front as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
}

/// An argument, or a place within one, that is taken from what comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Where it goes: `$[0]` is the first of the signature's own arguments,
    /// `$.to` the one of that name; more segments lead into it.
    pub to: JsonPath,
    /// Where it is in what comes in.
    pub from: JsonPath,
}

impl Signature {
    /// A task without arguments.
    #[must_use]
    pub fn new(task: impl Into<Name>) -> Self {
        let (task, arguments) = (task.into(), Arguments::default());
        Self { task, arguments, immutable: false, options: None, bindings: Vec::new() }
    }

    /// The same with one more positional argument.
    #[must_use]
    pub fn argument(mut self, value: impl Into<HeaderValue>) -> Self {
        self.arguments.args.push(value.into());
        self
    }

    /// The same with an argument, or a place in one, taken from what comes in.
    #[must_use]
    pub fn bind(mut self, to: JsonPath, from: JsonPath) -> Self {
        self.bindings.push(Binding { to, from });
        self
    }

    /// The same, but it ignores the result of the step before.
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }
}

/// When a group ends, and how, if members fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// When all have ended; with the error of the first member, in the order
    /// given, that failed.
    #[default]
    WaitAll,
    /// With the first failure, and the others are cancelled.
    FailFast,
    /// When all have ended, always well: each result is `{"value": …}` or
    /// `{"error": {…}}`.
    Settle,
}

/// What a map or chunks go over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// These; the result of the step before is ignored.
    Given(Vec<HeaderValue>),
    /// The list at this path of the result of the step before.
    Input(JsonPath),
}

/// How one command runs a task over a list: that of its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// Each item is one argument.
    Item,
    /// Each item is a list of arguments.
    Star,
}

/// How signatures are composed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One task.
    Task(Signature),
    /// One after the other; each gets the result of the one before. Without
    /// any, what comes in goes out.
    Chain(Vec<Canvas>),
    /// All at once, each with what came in; a list of results in order.
    Group {
        /// The members.
        members: Vec<Canvas>,
        /// When it ends.
        policy: Policy,
    },
    /// A chain of a group and a body that gets the list.
    Chord {
        /// The members.
        members: Vec<Canvas>,
        /// When the group ends.
        policy: Policy,
        /// What gets the list.
        body: Box<Canvas>,
    },
    /// A task over items, a command each; a list of results in order.
    Map {
        /// The task; the item comes in front of its arguments.
        signature: Signature,
        /// The items.
        items: Items,
        /// Whether an item is one argument or a list of them (starmap).
        each: Each,
        /// When it ends.
        policy: Policy,
    },
    /// A task over items in one command; a list of results in order.
    Sweep {
        /// The task; the item comes in front of its arguments.
        signature: Signature,
        /// The items.
        items: Items,
        /// Whether an item is one argument or a list of them.
        each: Each,
    },
    /// A task over items, so many in a command; a list of lists of results.
    Chunks {
        /// The task; the item comes in front of its arguments.
        signature: Signature,
        /// The items.
        items: Items,
        /// Whether an item is one argument or a list of them.
        each: Each,
        /// How many items a command has at the most; at least 1.
        size: u32,
        /// When it ends.
        policy: Policy,
    },
    /// One input feeds several; a map of results by name.
    Fork {
        /// The branches by name.
        branches: Vec<(String, Canvas)>,
        /// When it ends.
        policy: Policy,
    },
    /// Steps that need each other, in any order that has no cycle: each begins
    /// when all that it needs have ended. A step that fails for good lets those
    /// be skipped that need it; the others go on. It ends when all have ended.
    /// The result is that of the step that no other needs, or a map by name of
    /// those; with [`Policy::Settle`] always a map.
    Dag {
        /// The steps.
        stages: Vec<Stage>,
        /// When it ends. [`Policy::FailFast`]: with the first failure, and the
        /// others are cancelled. [`Policy::Settle`]: always well.
        policy: Policy,
    },
    /// The first whose condition holds of what comes in, which it gets too.
    /// If none holds, and there is no other, what comes in goes out.
    Switch {
        /// Conditions in order, and what they choose.
        cases: Vec<(Condition, Canvas)>,
        /// What is chosen if none holds.
        otherwise: Option<Box<Canvas>>,
    },
    /// Again and again with its own result, until the condition holds of it.
    Loop {
        /// What is repeated.
        body: Box<Canvas>,
        /// When it is enough.
        until: Condition,
        /// How often at the most; at least 1. After that it fails.
        max: u32,
    },
}

/// A step of a [`Shape::Dag`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, unique among the steps.
    pub name: String,
    /// What it needs: it gets the result of one, or a map by name of several;
    /// without any, what came into the whole.
    pub needs: Vec<String>,
    /// Whether those that need it run also if it fails: they get `{"value": …}`
    /// or `{"error": {…}}`.
    pub settle: bool,
    /// What it runs.
    pub canvas: Canvas,
}

/// A composition, with callbacks.
///
/// ```
/// use celeriac_core::workflow::{Canvas, Signature};
/// let add = |n: i64| Canvas::from(Signature::new("add").argument(n));
/// let members = vec![add(1), add(2)];
/// let chord = Canvas::chain(vec![Canvas::group(members), add(3)]);
/// assert!(chord.link.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canvas {
    /// What is composed.
    pub shape: Shape,
    /// Sent once with the result when it ends well. Nothing waits for them.
    pub link: Vec<Signature>,
    /// Sent once with the [error](super::StepError) when it fails.
    pub on_error: Vec<Signature>,
}

impl Canvas {
    /// How an outcome says that its value is a canvas, which the task put in
    /// its own place ([`encode_canvas`](crate::wire::encode_canvas)).
    pub const CONTENT_TYPE: &str = "application/vnd.celeriac.canvas";

    /// One after the other.
    #[must_use]
    pub fn chain(steps: Vec<Self>) -> Self {
        Shape::Chain(steps).into()
    }

    /// All at once, waiting for all.
    #[must_use]
    pub fn group(members: Vec<Self>) -> Self {
        Shape::Group { members, policy: Policy::WaitAll }.into()
    }

    /// The same with one more callback for its success.
    #[must_use]
    pub fn link(mut self, callback: Signature) -> Self {
        self.link.push(callback);
        self
    }

    /// The same with one more callback for its failure.
    #[must_use]
    pub fn on_error(mut self, callback: Signature) -> Self {
        self.on_error.push(callback);
        self
    }
}

impl From<Shape> for Canvas {
    fn from(shape: Shape) -> Self {
        Self { shape, link: Vec::new(), on_error: Vec::new() }
    }
}

impl From<Signature> for Canvas {
    fn from(signature: Signature) -> Self {
        Shape::Task(signature).into()
    }
}
