//! How an actor is run: mailbox, batch, thread, restart, grace.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::AnyCell;
use crate::strategy::Strategy;
use crate::supervision::{Backoff, Intensity, RestartPolicy, Rules};

/// Messages a mailbox holds unless told otherwise.
pub const DEFAULT_MAILBOX: usize = 1024;
/// Messages worked on between two calls of `#[after_batch]` unless told otherwise.
pub const DEFAULT_BATCH: usize = 256;
/// How long spawned futures get to end by themselves unless told otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(1);

/// How an actor is run.
///
/// ```
/// use jumpstarter::{Options, RestartPolicy};
/// use std::time::Duration;
///
/// let options = Options::default()
///     .mailbox(64)
///     .restart(RestartPolicy::Permanent)
///     .intensity(3, Duration::from_secs(10));
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) capacity: usize,
    pub(crate) dedicated_thread: bool,
    pub(crate) manner: Manner,
}

impl Default for Options {
    fn default() -> Self {
        Options { capacity: DEFAULT_MAILBOX, dedicated_thread: false, manner: Manner::default() }
    }
}

/// What the actor's loop goes by. One word for the many actors that are run like
/// most, as each keeps it for its life.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    special: Option<Box<Special>>,
}

#[derive(Clone)]
struct Special {
    batch: usize,
    grace: Duration,
    rules: Rules,
    depends_on: Vec<Arc<dyn AnyCell>>,
}

impl Default for Special {
    fn default() -> Self {
        Special {
            batch: DEFAULT_BATCH,
            grace: DEFAULT_GRACE,
            rules: Rules::default(),
            depends_on: Vec::new(),
        }
    }
}

impl Manner {
    pub(crate) fn batch(&self) -> usize {
        self.special.as_ref().map_or(DEFAULT_BATCH, |special| special.batch)
    }

    pub(crate) fn grace(&self) -> Duration {
        self.special.as_ref().map_or(DEFAULT_GRACE, |special| special.grace)
    }

    pub(crate) fn rules(&self) -> Rules {
        self.special.as_ref().map(|special| special.rules).unwrap_or_default()
    }

    /// Those that are started before this one.
    pub(crate) fn depends_on(&self) -> &[Arc<dyn AnyCell>] {
        self.special.as_ref().map_or(&[], |special| &special.depends_on)
    }

    fn special(&mut self) -> &mut Special {
        self.special.get_or_insert_default()
    }
}

impl Options {
    /// The most messages that wait in the mailbox, at least 1; the batch at work
    /// is not counted. From 2³² - 1 on it has no bound. Default: [`DEFAULT_MAILBOX`].
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.capacity = capacity.clamp(1, usize::MAX - 1);
        self
    }

    /// A mailbox without a bound.
    pub fn unbounded(mut self) -> Self {
        self.capacity = usize::MAX;
        self
    }

    /// The most messages worked on before `#[after_batch]` is called, at least
    /// 1. Default: [`DEFAULT_BATCH`].
    pub fn batch(mut self, messages: usize) -> Self {
        self.manner.special().batch = messages.max(1);
        self
    }

    /// Runs the actor's whole loop on a thread of its own, because it blocks.
    pub fn dedicated_thread(mut self) -> Self {
        self.dedicated_thread = true;
        self
    }

    /// How long futures spawned through the actor get to end by themselves after
    /// its scope was cancelled. Default: [`DEFAULT_GRACE`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.manner.special().grace = grace;
        self
    }

    /// When it is started again. Default: [`RestartPolicy::Transient`].
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.rules_mut().policy = policy;
        self
    }

    /// How often it may be restarted, itself alone: a supervisor that shall count
    /// its children together has [`children_intensity`](Self::children_intensity).
    /// Default: 5 times in 30 seconds.
    pub fn intensity(mut self, restarts: u32, window: Duration) -> Self {
        self.rules_mut().intensity = Intensity { restarts, window };
        self
    }

    /// How often its children may be restarted after crashes, all together:
    /// what the intensity of a supervisor is in Erlang. When one more crashes
    /// within the window, it is not started again, and this actor
    /// [escalates](Self::escalate): it stops its children and crashes, unless
    /// `#[child_failed]` takes care of it.
    ///
    /// Each crash of a child counts once; siblings that are restarted along with
    /// it (see [`Strategy`]) do not, nor do restarts by request. The intensity of
    /// each child holds beside this. Default: the children are not counted
    /// together.
    pub fn children_intensity(mut self, restarts: u32, window: Duration) -> Self {
        self.rules_mut().children = Some(Intensity { restarts, window });
        self
    }

    /// How long to wait before a restart. Default: see [`Backoff`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.rules_mut().backoff = backoff;
        self
    }

    /// Which of its children are started again when one of them crashed.
    /// Default: [`Strategy::OneForOne`].
    ///
    /// With another strategy it also [escalates](Self::escalate).
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.manner.special().rules.strategy = strategy;
        self
    }

    /// Crashes when a child gave up and `#[child_failed]` did not take care of
    /// it: the parent's own restart then makes its children anew, and a parent
    /// that gives up as well tells its own, up to the root. The crash is an
    /// [`Escalated`](crate::Escalated) with the history of the child's crashes.
    /// Children whose policy is [`RestartPolicy::Temporary`] are excepted.
    ///
    /// Default: such a failure is logged and published, and the parent lives on,
    /// unless its [strategy](Self::strategy) is about groups. An error that
    /// `#[child_failed]` returns crashes the parent in any case.
    pub fn escalate(mut self) -> Self {
        self.manner.special().rules.escalates = true;
        self
    }

    /// Starts after that actor and, at the system's shutdown, stops before it.
    pub fn depends_on<B: Actor>(mut self, dependency: &Address<B>) -> Self {
        self.manner.special().depends_on.push(dependency.any_cell());
        self
    }

    fn rules_mut(&mut self) -> &mut Rules {
        &mut self.manner.special().rules
    }
}
