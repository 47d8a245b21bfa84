//! Resources: acquired during the start, released in reverse order.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::actor::Actor;
use crate::core::Core;
use crate::dependency::Injector;
use crate::error::{BlockingError, BoxError, Panicked, ResourceUnavailable, StartFailure};
use crate::event::Event;
use crate::system::System;

/// How long a `#[release]` may take unless told otherwise.
pub const DEFAULT_RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a step of the start went.
pub type StartStep = Result<(), BoxError>;

/// What an actor holds, in the order of acquisition.
#[derive(Default)]
pub(crate) struct Resources {
    held: Vec<Held>,
}

struct Held {
    name: &'static str,
    value: Box<dyn Any + Send>,
}

impl Resources {
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.held.iter().find_map(|held| held.value.downcast_ref())
    }

    pub(crate) fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.held.iter_mut().find_map(|held| held.value.downcast_mut())
    }

    /// The one to release next: the last acquired.
    pub(crate) fn take_last(&mut self, system: &System) -> Option<Release> {
        let Held { name, value } = self.held.pop()?;
        Some(Release { name, value, system: system.clone() })
    }
}

/// What a resource function returns.
#[diagnostic::on_unimplemented(
    message = "a resource function returns a `Result`, not `{Self}`",
    note = "return `Ok::<_, std::convert::Infallible>(…)` if it cannot fail"
)]
pub trait ResourceOutcome {
    /// The resource.
    type Value: Send + 'static;
    /// Both ways to end.
    ///
    /// # Errors
    ///
    /// The resource could not be acquired.
    fn into_result(self) -> Result<Self::Value, BoxError>;

    /// The same, with the name of the resource in the error.
    ///
    /// # Errors
    ///
    /// The resource could not be acquired.
    fn into_result_of(self, name: &'static str) -> Result<Self::Value, BoxError>
    where
        Self: Sized,
    {
        self.into_result().map_err(|error| failed(name, error))
    }
}

impl<T: Send + 'static, E: Into<BoxError>> ResourceOutcome for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

/// The acquisition of an actor's resources; used by the code that
/// [`#[actor]`](macro@crate::actor) writes.
pub struct Acquisition<'a> {
    injector: &'a Injector,
    resources: &'a mut Resources,
}

impl<'a> Acquisition<'a> {
    pub(crate) fn new(injector: &'a Injector, resources: &'a mut Resources) -> Self {
        Acquisition { injector, resources }
    }

    /// Access to the system and the dependencies.
    pub fn injector(&self) -> Injector {
        self.injector.clone()
    }

    /// Keeps what was acquired, or notes the first error; an optional resource
    /// that is unavailable, or not there in time, is skipped.
    pub fn keep<T: Send + 'static>(
        &mut self,
        name: &'static str,
        requirement: Requirement,
        outcome: Result<T, BoxError>,
        step: &mut StartStep,
    ) {
        match outcome {
            Ok(value) => self.resources.held.push(Held { name, value: Box::new(value) }),
            Err(error) if requirement == Requirement::Optional && may_be_skipped(&error) => {
                let path = self.injector.path();
                tracing::warn!(path, resource = name, %error, "optional resource skipped");
            }
            Err(error) if step.is_ok() => *step = Err(error),
            Err(error) => {
                let path = self.injector.path();
                tracing::warn!(path, resource = name, %error, "another resource failed, too");
            }
        }
    }

    /// Acquires on the blocking pool, with the actor itself on loan. It does not
    /// come back when the time is up: then what it holds already is dropped
    /// without its release methods.
    pub async fn on_pool<A, T, W>(
        &mut self,
        name: &'static str,
        limit: Option<Duration>,
        actor: A,
        work: W,
    ) -> (Option<A>, Result<T::Value, BoxError>)
    where
        A: Send + 'static,
        T: ResourceOutcome,
        W: FnOnce(&mut A) -> T + Send + 'static,
    {
        let on_pool = self.injector.system().blocking(move || {
            let mut borrowed = actor;
            let working = AssertUnwindSafe(|| work(&mut borrowed).into_result());
            let outcome = catch_unwind(working).unwrap_or_else(|payload| {
                let panicked = Panicked::from_payload(payload.as_ref());
                Err(BlockingError::Panicked(panicked).into())
            });
            (borrowed, outcome)
        });
        let lent = match limit {
            None => on_pool.await,
            Some(limit) => match timeout(limit, on_pool).await {
                Ok(lent) => lent,
                Err(_) => {
                    let late = StartFailure::ResourceTimeout { name, after: limit };
                    return (None, Err(late.into()));
                }
            },
        };
        match lent {
            Ok((actor, outcome)) => (Some(actor), outcome.map_err(|error| failed(name, error))),
            Err(error) => (None, Err(failed(name, error.into()))),
        }
    }
}

/// Whether the start can do without a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It cannot.
    Required,
    /// It can.
    Optional,
}

/// One resource on its way. Boxed, as the compiler does not get a start with
/// `BoxError` among its errors to be `Send` otherwise.
type Acquiring<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Awaits one resource within its time; used by the code that
/// [`#[actor]`](macro@crate::actor) writes.
pub fn acquire_within<'a, T: ResourceOutcome>(
    name: &'static str,
    limit: Option<Duration>,
    acquiring: impl Future<Output = T> + Send + 'a,
) -> Acquiring<'a, T::Value> {
    Box::pin(async move { within(name, limit, acquiring).await?.into_result_of(name) })
}

/// As [`acquire_within`], on the blocking pool.
pub fn acquire_on_pool<T, W>(
    name: &'static str,
    limit: Option<Duration>,
    injector: Injector,
    work: W,
) -> Acquiring<'static, T::Value>
where
    T: ResourceOutcome,
    W: FnOnce(Injector) -> T + Send + 'static,
{
    Box::pin(async move {
        let system = injector.system().clone();
        let on_pool = system.blocking(move || work(injector).into_result_of(name));
        within(name, limit, on_pool).await?.unwrap_or_else(|error| Err(failed(name, error.into())))
    })
}

async fn within<T>(
    name: &'static str,
    limit: Option<Duration>,
    acquiring: impl Future<Output = T>,
) -> Result<T, BoxError> {
    let Some(limit) = limit else {
        return Ok(acquiring.await);
    };
    let late = StartFailure::ResourceTimeout { name, after: limit };
    timeout(limit, acquiring).await.map_err(|_| late.into())
}

/// Whether the start can go on without an optional resource.
fn may_be_skipped(error: &BoxError) -> bool {
    match error.downcast_ref::<StartFailure>() {
        Some(StartFailure::ResourceTimeout { .. }) => true,
        Some(StartFailure::Resource { source, .. }) => source.is::<ResourceUnavailable>(),
        _ => false,
    }
}

fn failed(name: &'static str, source: BoxError) -> BoxError {
    StartFailure::Resource { name, source }.into()
}

/// A resource on its way out; used by the code that
/// [`#[actor]`](macro@crate::actor) writes.
pub struct Release {
    name: &'static str,
    value: Box<dyn Any + Send>,
    system: System,
}

impl Release {
    /// The name of the function that acquired it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The resource itself, if it is of this type.
    pub fn into_value<T: 'static>(self) -> Option<T> {
        self.value.downcast().ok().map(|value| *value)
    }

    /// Where blocking work can be done.
    pub fn system(&self) -> System {
        self.system.clone()
    }
}

/// Releases one resource, for so long as it may take. What is not released by
/// then is reported and left to itself: an async release is dropped, one on the
/// pool runs on alone.
pub(crate) async fn release<A: Actor>(core: &Core, actor: &mut A, resource: Release) {
    let (name, limit) = (resource.name, A::release_timeout(resource.name));
    if timeout(limit, actor.release(resource)).await.is_ok() {
        return;
    }
    tracing::error!(path = %core.path, resource = name, after = ?limit, "resource not released");
    core.system.count_not_released();
    core.system.bus().publish(|| Event::NotReleased {
        path: core.path.to_string(),
        resource: name,
        after: limit,
    });
}

/// Logs a release that panicked on the pool.
pub fn note_release(name: &'static str, released: Result<(), BlockingError>) {
    if let Err(error) = released {
        tracing::error!(resource = name, %error, "release failed");
    }
}
