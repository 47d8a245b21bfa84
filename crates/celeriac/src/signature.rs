//! Signatures: a task, its arguments and its options, not yet sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use celeriac_core::body::EncodeError;
use celeriac_core::workflow::Millis;
use celeriac_core::{
    ContentType, HeaderValue, Kind, Message, MessageId, Name, Priority, QueueName, RetryPolicy,
    Timestamp, arguments, workflow,
};

use crate::canvas::{CanvasError, values};
use crate::task::{Task, TaskOptions};

/// The options of one call; what it does not say, the task's options say.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) id: Option<MessageId>,
    pub(crate) queue: Option<QueueName>,
    pub(crate) priority: Option<Priority>,
    pub(crate) content_type: ContentType,
    pub(crate) delay: Option<Delay>,
    pub(crate) expires: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) soft_time_limit: Option<Duration>,
    pub(crate) result_ttl: Option<Duration>,
    pub(crate) sinks: Vec<String>,
    pub(crate) headers: BTreeMap<String, HeaderValue>,
    parent: Option<Parent>,
    pub(crate) dedup: Option<(String, Duration)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Delay {
    Countdown(Duration),
    Eta(Timestamp),
}

#[derive(Clone, Copy, Debug)]
struct Parent {
    id: MessageId,
    root: MessageId,
    deadline: Option<Timestamp>,
}

impl CallOptions {
    /// Whether nothing was said, so that a message needs no rare headers.
    fn is_plain(&self) -> bool {
        self.delay.is_none()
            && self.expires.is_none()
            && self.deadline.is_none()
            && self.retry.is_none()
            && self.time_limit.is_none()
            && self.soft_time_limit.is_none()
            && self.result_ttl.is_none()
            && self.sinks.is_empty()
            && self.headers.is_empty()
            && self.parent.is_none()
            && self.dedup.is_none()
    }
}

/// The methods that set what can be said of a step too, beside of a single call;
/// the type has a method `options`.
macro_rules! step_options {
    () => {
        /// The queue it waits in.
        pub fn queue(mut self, queue: impl Into<String>) -> Self {
            self.options().queue = Some(QueueName::from(queue.into()));
            self
        }

        /// How urgent it is, 0 to 9, 9 first; above 9 counts as 9.
        pub fn priority(mut self, priority: u8) -> Self {
            self.options().priority = Some(Priority::new(priority).unwrap_or(Priority::HIGHEST));
            self
        }

        /// It runs this long after it was sent, or later.
        pub fn countdown(mut self, delay: Duration) -> Self {
            self.options().delay = Some($crate::signature::Delay::Countdown(delay));
            self
        }

        /// If it did not begin this long after it was sent, it goes to quarantine.
        pub fn expires(mut self, after: Duration) -> Self {
            self.options().expires = Some(after);
            self
        }

        /// How a failure is tried again.
        pub fn retry(mut self, policy: RetryPolicy) -> Self {
            self.options().retry = Some(policy);
            self
        }

        /// When a run is ended.
        pub fn time_limit(mut self, limit: Duration) -> Self {
            self.options().time_limit = Some(limit);
            self
        }

        /// When a run is asked to stop.
        pub fn soft_time_limit(mut self, limit: Duration) -> Self {
            self.options().soft_time_limit = Some(limit);
            self
        }

        /// How long the outcome is kept.
        pub fn result_ttl(mut self, ttl: Duration) -> Self {
            self.options().result_ttl = Some(ttl);
            self
        }

        /// Where the value of a success goes, beside the store: names of sinks,
        /// instead of the task's. `["store"]` is none of them.
        pub fn sinks<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
            self.options().sinks = names.into_iter().map(Into::into).collect();
            self
        }

        /// A header of the user's own, which travels with the message.
        pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
            self.options().headers.insert(name.into(), value.into());
            self
        }
    };
}
pub(crate) use step_options;

/// A task, its arguments and its options, not yet sent. Made by `task::s(…)`;
/// each method sets one option of this call.
///
/// ```
/// use std::time::Duration;
///
/// #[celeriac::task]
/// async fn add(a: i64, b: i64) -> i64 { a + b }
///
/// let signature = add::s(2, 3).queue("sums").countdown(Duration::from_secs(10));
/// # let _ = signature;
/// ```
#[must_use = "a signature does nothing until it is sent"]
pub struct Signature<T: Task> {
    args: T::Args,
    /// Absent while nothing was said, so that a plain call allocates nothing.
    options: Option<Box<CallOptions>>,
}

impl<T: Task> Signature<T> {
    /// A call of `T` with these arguments. `task::s(…)` reads better.
    pub fn new(args: T::Args) -> Self {
        Self { args, options: None }
    }

    step_options!();

    /// It runs at this time, or later.
    pub fn eta(mut self, eta: SystemTime) -> Self {
        self.options().delay = Some(Delay::Eta(eta.into()));
        self
    }

    /// This long after it was sent, it and all its children must be done:
    /// what has not begun goes to quarantine, what runs is ended.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.options().deadline = Some(after);
        self
    }

    /// A second send with the same key within `window` sends nothing; it gets
    /// a handle of the first.
    pub fn dedup_key(mut self, key: impl Into<String>, window: Duration) -> Self {
        self.options().dedup = Some((key.into(), window));
        self
    }

    /// An id of the sender's choice; a message whose id has an outcome already
    /// is not run.
    pub fn id(mut self, id: MessageId) -> Self {
        self.options().id = Some(id);
        self
    }

    /// The codec of arguments and result. Default JSON.
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.options().content_type = content_type;
        self
    }

    fn options(&mut self) -> &mut CallOptions {
        self.options.get_or_insert_default()
    }

    pub(crate) fn child_of(mut self, parent: &Message) -> Self {
        let rare = parent.rare();
        let root = rare.root_id.unwrap_or(parent.id);
        self.options().parent = Some(Parent { id: parent.id, root, deadline: rare.deadline });
        self
    }

    pub(crate) fn dedup(&self) -> Option<&(String, Duration)> {
        self.options.as_ref()?.dedup.as_ref()
    }

    /// The call as a step of a workflow.
    pub(crate) fn into_step(self) -> Result<workflow::Signature, CanvasError> {
        let arguments = values::<T, _>(&self.args)?;
        into_step::<T>(arguments, self.options)
    }

    /// The message of this call, made at `now`.
    pub(crate) fn into_message(self, now: Timestamp) -> Result<Message, EncodeError> {
        let Self { args, options } = self;
        let options = options.unwrap_or_default();
        let body = arguments::encode(&options.content_type, &args)?;
        let defaults = &T::OPTIONS;
        let mut message = Message {
            id: options.id.unwrap_or_else(|| MessageId::at(now)),
            kind: Kind::Command,
            name: Name::from_static(T::NAME),
            queue: options.queue.clone().unwrap_or(QueueName::from_static(defaults.queue)),
            priority: options.priority.unwrap_or_else(|| defaults.priority()),
            content_type: options.content_type.clone(),
            created_at: now,
            attempt: 0,
            may_repeat: options.id.is_some(),
            rare: None,
            body,
        };
        if defaults.expires.is_some() || !options.is_plain() {
            set_rare(&mut message, *options, defaults.expires);
        }
        Ok(message)
    }
}

/// A step with these arguments. The task's own queue, priority and expiry are
/// not known where steps are sent, so they travel with it.
pub(crate) fn into_step<T: Task>(
    args: Vec<HeaderValue>,
    options: Option<Box<CallOptions>>,
) -> Result<workflow::Signature, CanvasError> {
    let said = options.unwrap_or_default();
    let unfit = |option| CanvasError::Option { task: T::NAME, option };
    let countdown = match said.delay {
        None => None,
        Some(Delay::Countdown(delay)) => Some(Millis(delay)),
        Some(Delay::Eta(_)) => return Err(unfit("eta")),
    };
    if said.id.is_some() {
        return Err(unfit("id"));
    }
    if said.deadline.is_some() {
        return Err(unfit("deadline"));
    }
    if said.dedup.is_some() {
        return Err(unfit("dedup_key"));
    }
    if said.content_type != ContentType::Json {
        return Err(unfit("content_type"));
    }
    let defaults = &T::OPTIONS;
    let own_queue = (defaults.queue != TaskOptions::DEFAULT.queue)
        .then(|| QueueName::from_static(defaults.queue));
    let own_priority =
        (defaults.priority != TaskOptions::DEFAULT.priority).then(|| defaults.priority());
    let options = workflow::Options {
        queue: said.queue.or(own_queue),
        priority: said.priority.or(own_priority),
        countdown,
        expires: said.expires.or(defaults.expires).map(Millis),
        retry: said.retry,
        time_limit: said.time_limit.map(Millis),
        soft_time_limit: said.soft_time_limit.map(Millis),
        result_ttl: said.result_ttl.map(Millis),
        sinks: said.sinks,
        headers: said.headers,
        ..workflow::Options::default()
    };
    let mut step = workflow::Signature::new(Name::from_static(T::NAME));
    step.arguments.args = args;
    step.options = (options != workflow::Options::default()).then(|| Arc::new(options));
    Ok(step)
}

fn set_rare(message: &mut Message, options: CallOptions, expires: Option<Duration>) {
    let now = message.created_at;
    let rare = message.rare_mut();
    rare.eta = options.delay.map(|delay| match delay {
        Delay::Countdown(delay) => now.after(delay),
        Delay::Eta(eta) => eta,
    });
    rare.expires_at = options.expires.or(expires).map(|after| now.after(after));
    rare.deadline = options.deadline.map(|after| now.after(after));
    rare.retry = options.retry;
    rare.time_limit = options.time_limit;
    rare.soft_time_limit = options.soft_time_limit;
    rare.result_ttl = options.result_ttl;
    rare.dedup_key = options.dedup.map(|(key, _)| key);
    rare.sinks = options.sinks;
    rare.headers = options.headers;
    if let Some(parent) = options.parent {
        rare.parent_id = Some(parent.id);
        rare.root_id = Some(parent.root);
        rare.deadline = rare.deadline.into_iter().chain(parent.deadline).min();
    }
}

impl<T: Task> Clone for Signature<T>
where
    T::Args: Clone,
{
    fn clone(&self) -> Self {
        Self { args: self.args.clone(), options: self.options.clone() }
    }
}

impl<T: Task> fmt::Debug for Signature<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("task", &T::NAME).finish_non_exhaustive()
    }
}
