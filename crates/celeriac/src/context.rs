//! What a task's code can ask for: its context, and states of the app.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::outcome::Progress;
use celeriac_core::workflow::Canvas;
use celeriac_core::{Failure, MessageId, Name, QueueName, RetryPolicy};
use celeriac_engine::retry::{self, Decision};
use celeriac_worker::RunContext;
use parking_lot::Mutex;

use crate::app::App;
use crate::failure::Fault;
use crate::result::AsyncResult;
use crate::send::SendError;
use crate::signature::Signature;
use crate::task::Task;

/// What a running task can see of itself and its app. A task asks for it with
/// a parameter of type `&TaskContext`.
///
/// ```
/// use celeriac::TaskContext;
///
/// #[celeriac::task]
/// async fn count_to(end: u64, ctx: &TaskContext) -> Result<u64, std::io::Error> {
///     for done in 0..end {
///         ctx.progress(done, Some(end));
///     }
///     Ok(end)
/// }
/// ```
pub struct TaskContext {
    run: RunContext,
    poisoned: AtomicBool,
    replacement: Mutex<Option<Box<Canvas>>>,
}

impl TaskContext {
    pub(crate) const fn new(run: RunContext) -> Self {
        Self { run, poisoned: AtomicBool::new(false), replacement: Mutex::new(None) }
    }

    /// The id of this task, the same in every attempt.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.run.message().id
    }

    /// The name of this task.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.run.message().name
    }

    /// How often it was tried before; 0 at first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.run.message().attempt
    }

    /// The queue it came from.
    #[must_use]
    pub fn queue(&self) -> &QueueName {
        &self.run.message().queue
    }

    /// The message that is being run, with all its headers.
    #[must_use]
    pub fn message(&self) -> &celeriac_core::Message {
        self.run.message()
    }

    /// The app that runs this task.
    ///
    /// # Errors
    /// None in a worker; a context made by hand in a test may have no app.
    pub fn app(&self) -> Result<App, MissingState> {
        self.state::<App>().map(|app| App::clone(&app))
    }

    /// The value of type `T` that the app provides. A parameter of type
    /// [`State<T>`] does the same, checked when the worker starts.
    ///
    /// # Errors
    /// [`MissingState`] when the app provides none.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, MissingState> {
        self.run.state().ok_or(MissingState(std::any::type_name::<T>()))
    }

    /// Sends a task as a child of this one: it bears this one's id as its
    /// parent, belongs to the same tree and inherits what is left of the deadline.
    ///
    /// # Errors
    /// As [`App::send`].
    pub async fn send<T: Task>(
        &self,
        signature: Signature<T>,
    ) -> Result<AsyncResult<T::Output>, SendError> {
        let app = self.app().map_err(|error| SendError::NoApp(error.to_string()))?;
        app.send(signature.child_of(self.run.message())).await
    }

    /// Says how far the task is; senders see it in `AsyncResult::progress`.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.run.report(Progress { done, total, note: None });
    }

    /// Puts a canvas in the place of this task: if the task then ends well, what
    /// it returns is ignored, and what the canvas comes to is its result. The
    /// last call counts. In a workflow, the steps after it wait for the canvas;
    /// elsewhere, the task's id becomes that of a workflow.
    ///
    /// ```
    /// use celeriac::TaskContext;
    /// use celeriac::workflow::{Canvas, Signature};
    ///
    /// #[celeriac::task]
    /// async fn sum_of(ids: Vec<u32>, ctx: &TaskContext) -> u64 {
    ///     let parts = ids.iter().map(|id| Signature::new("part").argument(i64::from(*id)).into());
    ///     let parts = Canvas::group(parts.collect());
    ///     ctx.replace(Canvas::chain(vec![parts, Signature::new("sum").into()]));
    ///     0
    /// }
    /// ```
    pub fn replace(&self, canvas: Canvas) {
        *self.replacement.lock() = Some(Box::new(canvas));
    }

    pub(crate) fn take_replacement(&self) -> Option<Box<Canvas>> {
        self.replacement.lock().take()
    }

    /// Whether the task should stop: it is over its soft time limit, was
    /// revoked, or the worker stops. Long sync tasks should look now and then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Resolves when the task should stop. Cancel-safe.
    pub async fn cancelled(&self) {
        self.run.cancelled().await;
    }

    /// Runs a section of an async task, and again while it fails, as `policy`
    /// says, without giving the task's place up.
    ///
    /// # Errors
    /// The section's last error.
    pub async fn retry<T, E, F>(
        &self,
        policy: RetryPolicy,
        mut section: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let mut probe = celeriac_core::Message::clone(self.run.message());
        probe.attempt = 0;
        loop {
            let error = match section().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Decision::Again(delay) = retry::decide(&policy, &probe, None) else {
                return Err(error);
            };
            tracing::warn!(id = %self.id(), attempt = probe.attempt, %error, "section failed");
            probe.attempt += 1;
            tokio::time::sleep(delay).await;
        }
    }

    /// Runs a section whose failure is final: if the task then fails, it is
    /// not tried again but goes to quarantine as poisonous.
    ///
    /// # Errors
    /// The section's error.
    pub async fn poisonous<T, E>(
        &self,
        section: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let result = section.await;
        if result.is_err() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Runs a section that may fail: its error is logged, and `None` comes back.
    pub async fn optional<T, E: fmt::Display>(
        &self,
        section: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        match section.await {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(id = %self.id(), task = %self.name(), %error, "optional section failed");
                None
            }
        }
    }

    /// As [`Self::optional`], but only for errors that `pardoned` names.
    ///
    /// # Errors
    /// An error that is not pardoned.
    pub async fn optional_if<T, E: fmt::Display>(
        &self,
        pardoned: impl FnOnce(&E) -> bool,
        section: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, E> {
        match section.await {
            Err(error) if !pardoned(&error) => Err(error),
            result => Ok(self.optional(std::future::ready(result)).await),
        }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The app provides no value of a type that a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the app provides no `{0}`; call `app.provide(…)` before the worker starts")]
pub struct MissingState(pub(crate) &'static str);

/// A value that the app provides, as a parameter of a task.
///
/// ```
/// use celeriac::State;
///
/// struct Greeting(String);
///
/// #[celeriac::task]
/// async fn greet(name: String, greeting: State<Greeting>) -> String {
///     format!("{} {name}", greeting.0)
/// }
/// ```
#[derive(Debug)]
pub struct State<T>(Arc<T>);

impl<T: Send + Sync + 'static> State<T> {
    /// Takes the value out of a task's context. `#[celeriac::task]` calls it.
    ///
    /// # Errors
    /// A fault that is final, when the app provides none.
    pub fn from_context(ctx: &TaskContext) -> Result<Self, Fault> {
        let missing = |error: MissingState| Failure::new("missing_state", error.to_string());
        ctx.state().map(Self).map_err(|error| Fault::last(missing(error)))
    }

    /// The type that is asked for, with its name.
    #[must_use]
    pub fn need() -> (std::any::TypeId, &'static str) {
        (std::any::TypeId::of::<T>(), std::any::type_name::<T>())
    }
}

impl<T> From<Arc<T>> for State<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
