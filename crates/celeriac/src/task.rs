//! Tasks: what `#[celeriac::task]` makes of a function.

use std::fmt;
use std::time::Duration;

use celeriac_core::platform::{TaskInfo, TaskKind};
use celeriac_core::{Name, Priority, QueueName, RetryPolicy, workflow};
use celeriac_engine::breaker;
use celeriac_worker::{Body, Definition, TimeLimits};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Breakers;
use crate::schema::{Schemas, TaskSchema};

/// A task type. `#[celeriac::task]` implements it for an empty struct that
/// bears the function's name, and leaves a function of that name which gives
/// it; implement it by hand for generated code only.
pub trait Task: Copy + Send + Sync + 'static {
    /// The arguments: a tuple, or [`NoArguments`](celeriac_core::arguments::NoArguments).
    type Args: Serialize + DeserializeOwned + Send + 'static;
    /// What a success gives.
    type Output: Serialize + DeserializeOwned + Send + 'static;
    /// The name on the wire.
    const NAME: &'static str;
    /// The names of the arguments, in order.
    const PARAMETERS: &'static [&'static str];
    /// The options of the attribute.
    const OPTIONS: TaskOptions;

    /// What the task does, as the worker runs it.
    fn body() -> Body;

    /// The types of state that it asks for, with their names.
    fn needs() -> Vec<(std::any::TypeId, &'static str)> {
        Vec::new()
    }

    /// The JSON schemas of what it takes and gives, as far as they are known.
    #[doc(hidden)]
    fn schemas() -> Schemas {
        Schemas::default()
    }
}

/// The options of `#[celeriac::task(...)]`.
#[derive(Clone, Copy, Debug)]
pub struct TaskOptions {
    /// The queue of its commands. Default `default`.
    pub queue: &'static str,
    /// How urgent its commands are. Default 5.
    pub priority: u8,
    /// How a failure is tried again. Default: 5 attempts, 1 s doubling to 2 min.
    pub retry: Option<RetryPolicy>,
    /// When a run is asked to stop. Default never.
    pub soft_time_limit: Option<Duration>,
    /// When a run is ended. Default never.
    pub time_limit: Option<Duration>,
    /// A command that did not begin to run this long after it was sent goes to
    /// quarantine. Default never.
    pub expires: Option<Duration>,
    /// How long outcomes are kept. Default 24 h.
    pub result_ttl: Option<Duration>,
    /// Keep no values, only that the task ended. Default false.
    pub ignore_result: bool,
    /// How many runs may be under way at once in one worker. Default: the worker's limit.
    pub concurrency: Option<usize>,
    /// Where the values of its successes go, beside the store: names of sinks.
    /// Default none.
    pub sinks: &'static [&'static str],
    /// When its circuit opens. Default: as `[breakers]` says.
    pub breaker: TaskBreaker,
}

/// What a task says about its circuit breaker; what it does not say is as
/// `[breakers]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskBreaker {
    /// Whether it has one.
    pub is_on: Option<bool>,
    /// How many messages must fail unexpectedly, one after the other.
    pub failures: Option<u32>,
    /// How long it stays open the first time.
    pub open_for: Option<Duration>,
}

impl TaskBreaker {
    /// As `[breakers]` says.
    pub const DEFAULT: Self = Self { is_on: None, failures: None, open_for: None };
    /// It has none.
    pub const OFF: Self = Self { is_on: Some(false), ..Self::DEFAULT };

    fn options(self, all: &Breakers) -> Option<breaker::Options> {
        let is_on = self.is_on.unwrap_or(all.tasks);
        let options = all.options();
        is_on.then(|| breaker::Options {
            failures: self.failures.unwrap_or(options.failures),
            open_for: self.open_for.unwrap_or(options.open_for),
            ..options
        })
    }
}

impl TaskOptions {
    /// Every option at its default.
    pub const DEFAULT: Self = Self {
        queue: "default",
        priority: 5,
        retry: None,
        soft_time_limit: None,
        time_limit: None,
        expires: None,
        result_ttl: None,
        ignore_result: false,
        concurrency: None,
        sinks: &[],
        breaker: TaskBreaker::DEFAULT,
    };

    /// The priority as a number that is known to be one.
    pub(crate) fn priority(&self) -> Priority {
        Priority::new(self.priority).unwrap_or_default()
    }
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the app sets for tasks that say nothing themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskDefaults {
    pub(crate) retry: RetryPolicy,
    pub(crate) result_ttl: Duration,
    pub(crate) limits: TimeLimits,
}

/// A registered task, type erased.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) name: Name,
    pub(crate) parameters: &'static [&'static str],
    options: TaskOptions,
    body: fn() -> Body,
    needs: fn() -> Vec<(std::any::TypeId, &'static str)>,
    schemas: fn() -> Schemas,
}

impl Registered {
    pub(crate) const fn new<T: Task>() -> Self {
        Self {
            name: Name::from_static(T::NAME),
            parameters: T::PARAMETERS,
            options: T::OPTIONS,
            body: T::body,
            needs: T::needs,
            schemas: T::schemas,
        }
    }

    /// What it takes and gives.
    pub(crate) fn schema(&self) -> TaskSchema {
        (self.schemas)().named(self.name.as_str(), self.parameters)
    }

    /// The options that are not known where a step's message is sent.
    pub(crate) fn step_options(&self) -> workflow::Options {
        let (options, default) = (&self.options, TaskOptions::DEFAULT);
        workflow::Options {
            queue: (options.queue != default.queue).then(|| self.queue()),
            priority: (options.priority != default.priority).then(|| options.priority()),
            expires: options.expires.map(workflow::Millis),
            ..workflow::Options::default()
        }
    }

    pub(crate) const fn queue(&self) -> QueueName {
        QueueName::from_static(self.options.queue)
    }

    /// How its breaker behaves, if it has one.
    pub(crate) fn breaker(&self, all: &Breakers) -> Option<breaker::Options> {
        self.options.breaker.options(all)
    }

    pub(crate) const fn sinks(&self) -> &'static [&'static str] {
        self.options.sinks
    }

    pub(crate) fn definition(&self, defaults: &TaskDefaults) -> Definition {
        let (options, body) = (&self.options, (self.body)());
        let kind = match body {
            Body::Async(_) => TaskKind::Async,
            Body::Sync(_) => TaskKind::Sync,
        };
        Definition {
            info: TaskInfo {
                name: self.name.clone(),
                kind,
                queue: self.queue(),
                retry: options.retry.unwrap_or(defaults.retry),
                result_ttl: options.result_ttl.unwrap_or(defaults.result_ttl),
                ignore_result: options.ignore_result,
                sinks: options.sinks.iter().map(|name| (*name).to_owned()).collect(),
            },
            limits: TimeLimits {
                soft: options.soft_time_limit.or(defaults.limits.soft),
                hard: options.time_limit.or(defaults.limits.hard),
            },
            concurrency: options.concurrency,
            // Names and schemas: they always have a JSON form.
            schema: serde_json::to_value(self.schema()).unwrap_or_default(),
            needs: (self.needs)(),
            body,
        }
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("name", &self.name).finish_non_exhaustive()
    }
}
