//! Health checks of an app, and circuits that tasks call through.

mod circuit;
mod running;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, ContentType, ErrorKind, Name, QueueName, arguments};
use celeriac_engine::{MapError, Subscription};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::document::read;
use crate::signature::Signature;
use crate::task::Task;

pub use celeriac_connect::checks;
pub use celeriac_core::health::{
    Check, CheckReport, CircuitReport, CircuitState, Finding, Guarded, HealthStatus, Scope,
};
pub use circuit::{Circuit, CircuitError};
pub(crate) use running::{Findings, checks_of, documents_of};

/// How often a check looks.
pub(crate) const EVERY: Duration = Duration::from_secs(10);

/// A health check: what looks, how often, and what follows from it.
///
/// ```
/// use celeriac::App;
/// use celeriac::health::{Finding, HealthCheck, HealthStatus};
///
/// let app = App::memory()
///     .check(HealthCheck::of("disk", celeriac::health::checks::Disk::new(".")))
///     .check(
///         HealthCheck::call("replica", || async {
///             let seconds_behind = 3; // asked of the database
///             Ok::<_, std::io::Error>(match seconds_behind {
///                 0..10 => Finding::healthy(""),
///                 behind => Finding::state("lagging", format!("{behind} s behind")),
///             })
///         })
///         .state("lagging", HealthStatus::Degraded),
///     );
/// ```
#[derive(Clone)]
#[must_use = "a check looks at nothing until `app.check` is given it"]
pub struct HealthCheck {
    pub(crate) name: String,
    pub(crate) looks: Looks,
    pub(crate) every: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) scope: Scope,
    pub(crate) states: BTreeMap<String, HealthStatus>,
    pub(crate) guards: Vec<Name>,
}

/// What makes a check for an app.
type Make = dyn Fn(&App) -> Box<dyn Check> + Send + Sync;

/// How a check finds something.
#[derive(Clone)]
pub(crate) enum Looks {
    /// It looks by itself.
    Itself(Arc<Make>),
    /// By documents of that name, each of which becomes a command with what was found.
    AtDocuments(Name, Subscription),
}

impl HealthCheck {
    fn new(name: impl Into<String>, looks: Looks) -> Self {
        let (every, timeout, scope) = (EVERY, None, Scope::default());
        let (states, guards) = (BTreeMap::new(), Vec::new());
        Self { name: name.into(), looks, every, timeout, scope, states, guards }
    }

    /// A check of a kind that there is: see [`checks`], or your own.
    pub fn of<C: Check + Clone>(name: impl Into<String>, check: C) -> Self {
        let check = Mutex::new(check);
        let make = move |_: &App| Box::new(check.lock().clone()) as Box<dyn Check>;
        Self::new(name, Looks::Itself(Arc::new(make)))
    }

    /// A check that calls a function in the worker's process. An error says that
    /// the check itself could not look: it is logged and changes nothing.
    pub fn call<F, Fut, E>(name: impl Into<String>, look: F) -> Self
    where
        F: Fn() -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = std::result::Result<Finding, E>> + Send + 'static,
        E: Display + 'static,
    {
        let make = move |_: &App| {
            let look = look.clone();
            Box::new(Calls(move || -> BoxFuture<'static, Result<Finding>> {
                let looked = look();
                Box::pin(async move { looked.await.map_err(broken) })
            })) as Box<dyn Check>
        };
        Self::new(name, Looks::Itself(Arc::new(make)))
    }

    /// A check that runs a task, on whichever worker takes it. What the task
    /// gives is the finding; a task that fails is a check that could not look.
    pub fn task<T, S>(name: impl Into<String>, signature: S) -> Self
    where
        T: Task<Output = Finding>,
        S: Fn() -> Signature<T> + Clone + Send + Sync + 'static,
    {
        let make = move |app: &App| {
            let (app, signature) = (app.clone(), signature.clone());
            Box::new(Calls(move || -> BoxFuture<'static, Result<Finding>> {
                let (app, signature) = (app.clone(), signature());
                Box::pin(async move {
                    let sent = app.send(signature).await.map_err(broken)?;
                    sent.get().await.map_err(broken)
                })
            })) as Box<dyn Check>
        };
        Self::new(name, Looks::Itself(Arc::new(make)))
    }

    /// A check that looks at each document of a name, those of a source or
    /// [ingested](App::ingest). `judge` must be pure: it may be called more than
    /// once for a document. Give it [`Self::global`] scope where there are several
    /// workers, and [`Self::every`] as how often documents are expected.
    pub fn documents<D: DeserializeOwned + 'static>(
        name: impl Into<String>,
        document: impl Into<String>,
        judge: impl Fn(D) -> Finding + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let map = move |content_type: &ContentType, bytes: &[u8]| {
            let found = judge(read::<D>(content_type, bytes)?);
            let encoded = arguments::encode(&ContentType::Json, &(found,));
            encoded.map_err(|error| MapError(error.to_string()))
        };
        let subscription = Subscription {
            name: format!("check/{name}"),
            task: Name::from(format!("celeriac.check.{name}")),
            queue: QueueName::DEFAULT,
            map: Arc::new(map),
        };
        Self::new(name, Looks::AtDocuments(Name::from(document.into()), subscription))
    }

    /// How often it looks. Default 10 s. A finding is out of date after three
    /// times that.
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// How long it may take, before it counts as broken. Default: as long as
    /// [`Self::every`], at the most 10 s.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Its findings hold for all workers, kept in the store; one at a time
    /// looks. Without it, each worker looks for itself.
    pub const fn global(mut self) -> Self {
        self.scope = Scope::Global;
        self
    }

    /// Declares a state of its own, and how well it is, for [`Finding::state`].
    pub fn state(mut self, state: impl Into<String>, status: HealthStatus) -> Self {
        self.states.insert(state.into(), status);
        self
    }

    /// The circuit of that task opens by what is found here, by the rules of
    /// `[breakers]`.
    pub fn guards(mut self, task: impl Into<String>) -> Self {
        self.guards.push(Name::from(task.into()));
        self
    }

    pub(crate) fn longest(&self) -> Duration {
        self.timeout.unwrap_or(self.every.min(EVERY))
    }
}

impl App {
    /// Declares a health check, for workers started later; one of the same name
    /// is replaced. `celeriac health` shows what it finds, and it has a circuit
    /// of its name ([`Self::circuit`]).
    #[must_use]
    pub fn check(self, check: HealthCheck) -> Self {
        self.registered(|registry| {
            registry.checks.retain(|other| other.name != check.name);
            registry.checks.push(check);
        })
    }
}

/// A check that calls a function.
struct Calls<F>(F);

impl<F> Check for Calls<F>
where
    F: FnMut() -> BoxFuture<'static, Result<Finding>> + Send + 'static,
{
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        (self.0)()
    }
}

fn broken(error: impl Display) -> celeriac_core::Error {
    celeriac_core::Error::new(ErrorKind::Internal, "look", error.to_string())
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck").field("name", &self.name).finish_non_exhaustive()
    }
}
