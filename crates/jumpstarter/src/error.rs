//! The errors of sending, asking, starting and running.
//!
//! Refused lifecycle triggers have their own error,
//! [`Refused`](crate::chart::Refused).

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Any error an actor can end with.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// The actor has stopped; the message is given back.
pub struct TellError<M>(pub M);

/// A message was not taken at once; it is given back.
pub enum TryTellError<M> {
    /// The mailbox is full.
    Full(M),
    /// The actor has stopped.
    Closed(M),
}

impl<M> TryTellError<M> {
    /// The message.
    pub fn into_message(self) -> M {
        match self {
            TryTellError::Full(message) | TryTellError::Closed(message) => message,
        }
    }

    /// Whether the mailbox was full, so that trying later may help.
    pub fn is_full(&self) -> bool {
        matches!(self, TryTellError::Full(_))
    }
}

impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TellError(..)")
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deliver {}: the actor has stopped", std::any::type_name::<M>())
    }
}

impl<M> Error for TellError<M> {}

impl<M> fmt::Debug for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryTellError::Full(_) => "Full(..)",
            TryTellError::Closed(_) => "Closed(..)",
        })
    }
}

impl<M> fmt::Display for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self {
            TryTellError::Full(_) => "the mailbox is full",
            TryTellError::Closed(_) => "the actor has stopped",
        };
        write!(f, "deliver {}: {reason}", std::any::type_name::<M>())
    }
}

impl<M> Error for TryTellError<M> {}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The actor has stopped; it never saw the question.
    #[error("ask: the actor has stopped")]
    Closed,
    /// The question was taken, but the reply was dropped: the handler crashed,
    /// the actor stopped before it came to it, or it chose not to answer.
    #[error("ask: no reply came")]
    NoReply,
    /// No answer within this time.
    #[error("ask: no reply within {0:?}")]
    Timeout(Duration),
}

/// How a crash came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A panic in a handler, hook or turn, or in the factory.
    Panic,
    /// The start failed.
    Start,
    /// An error was reported, by a handler or a task.
    Error,
    /// A child gave up; the error is an [`Escalated`](crate::Escalated).
    Child,
}

/// What ended an incarnation of an actor.
#[derive(Clone, Debug)]
pub struct Crash {
    /// How it came about.
    pub cause: Cause,
    /// The error itself; a panic is a [`Panicked`], a failed start a
    /// [`StartFailure`] if jumpstarter noticed it.
    pub error: Arc<dyn Error + Send + Sync + 'static>,
}

impl Crash {
    pub(crate) fn new(cause: Cause, error: impl Into<BoxError>) -> Self {
        Crash { cause, error: Arc::from(error.into()) }
    }

    pub(crate) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        Crash::new(Cause::Panic, Panicked::from_payload(payload))
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// The message of a panic.
#[derive(Clone, Debug, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

impl Panicked {
    pub(crate) fn from_payload(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = match payload.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => match payload.downcast_ref::<String>() {
                Some(text) => text.clone(),
                None => "no message".to_owned(),
            },
        };
        Panicked { message }
    }
}

/// Why a start failed, as far as jumpstarter itself can tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFailure {
    /// A dependency did not start.
    #[error("dependency {path} ({type_name}) did not start: {reason}")]
    Dependency {
        /// The path of the dependency.
        path: String,
        /// The actor type of the dependency.
        type_name: &'static str,
        /// Why not.
        reason: String,
    },
    /// A dependency is not there.
    #[error("dependency {type_name} is missing{}", Place { path, waited })]
    Missing {
        /// The type that was asked for.
        type_name: &'static str,
        /// The path that was asked for, if any.
        path: Option<String>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A dependency is there but of another type.
    #[error("dependency at {path} is a {found}, not a {wanted}")]
    WrongType {
        /// The path that was asked for.
        path: String,
        /// The type that was asked for.
        wanted: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// The dependencies, or those whose start is awaited during a start, lead
    /// back to the actor itself.
    #[error("dependencies form a cycle: {}", .types.join(" > "))]
    Cycle {
        /// The types along the cycle; the last is the first again.
        types: Vec<&'static str>,
    },
    /// A resource could not be acquired.
    #[error("acquire resource {name}")]
    Resource {
        /// The name of the resource's function.
        name: &'static str,
        /// What it said.
        #[source]
        source: BoxError,
    },
    /// A resource took too long.
    #[error("acquire resource {name}: not within {after:?}")]
    ResourceTimeout {
        /// The name of the resource's function.
        name: &'static str,
        /// The timeout.
        after: Duration,
    },
    /// The actor's own thread could not be started.
    #[error("start the actor's thread")]
    Thread(#[source] std::io::Error),
    /// The system is shutting down.
    #[error("the system is shutting down")]
    ShuttingDown,
}

/// Where something was looked for, and how long.
struct Place<'a> {
    path: &'a Option<String>,
    waited: &'a Duration,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path {
            write!(f, " at {path}")?;
        }
        match self.waited.is_zero() {
            true => Ok(()),
            false => write!(f, ": not spawned within {:?}", self.waited),
        }
    }
}

/// What a resource function returns when the resource is not there now. An
/// `optional` resource is skipped then; any other error of it fails the start.
///
/// ```
/// use jumpstarter::ResourceUnavailable;
///
/// let error = ResourceUnavailable::new("no cache in this region");
/// assert_eq!(error.to_string(), "unavailable: no cache in this region");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unavailable: {reason}")]
pub struct ResourceUnavailable {
    reason: String,
}

impl ResourceUnavailable {
    /// Says why.
    pub fn new(reason: impl Into<String>) -> Self {
        ResourceUnavailable { reason: reason.into() }
    }
}

/// The actor is not started and will not be.
#[derive(Clone, Debug)]
pub struct StartError {
    /// The actor's path.
    pub path: String,
    /// The crash that ended it; `None` if it was stopped.
    pub crash: Option<Crash>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.crash {
            Some(crash) => write!(f, "start actor {}: {crash}", self.path),
            None => write!(f, "start actor {}: it was stopped", self.path),
        }
    }
}

impl Error for StartError {}

/// A closure on the blocking pool did not return.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockingError {
    /// It panicked.
    #[error("run on the blocking pool")]
    Panicked(#[source] Panicked),
    /// The runtime is shutting down.
    #[error("run on the blocking pool: the runtime is shutting down")]
    ShutDown,
}
