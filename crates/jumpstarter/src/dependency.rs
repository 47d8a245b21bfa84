//! Dependencies: what must be started before an actor and stopped after it.

mod sought;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::{AnyCell, Cell};
use crate::core::Core;
use crate::dependents;
use crate::error::{BoxError, StartFailure};
use crate::options::Options;
use crate::resource::Requirement;
use crate::starting::way_of_waits;
use crate::system::System;

pub use sought::DEFAULT_NAMED_WAIT;
use sought::Sought;

/// An actor that another one needs, and how it is found.
///
/// It is started before the dependent, and stopped after it. When it is
/// restarted, the dependent goes on; messages to it wait meanwhile. When it ends
/// for good, the dependent is stopped: before it, if it is stopped in an orderly
/// way ([`Address::stop`]), otherwise after it. The dependent's parent and those
/// above are excepted, when they depend on what they own; so are those for whom
/// it is [optional](Self::optional).
///
/// Of two dependencies, one of which needs the other, only the first is awaited
/// and linked; [`Injector::dependency`] finds both.
pub struct Dependency<A: Actor> {
    source: Source<A>,
    requirement: Requirement,
    /// How long to wait for a name.
    within: Option<Duration>,
}

type Factory<A> = Box<dyn FnMut() -> Result<A, BoxError> + Send>;

enum Source<A: Actor> {
    Existing(Address<A>),
    Named(String),
    Spawned { name: String, options: Options, factory: Factory<A> },
    Injected(fn(&System) -> Address<A>),
}

impl<A: Actor> Dependency<A> {
    fn from_source(source: Source<A>) -> Self {
        Dependency { source, requirement: Requirement::Required, within: None }
    }

    /// The dependent can do without: it starts also if this one is missing, of
    /// another type or does not start, and goes on when it ends for good. It is
    /// still awaited, and still stopped after the dependent.
    pub fn optional(mut self) -> Self {
        self.requirement = Requirement::Optional;
        self
    }

    /// How long to wait for a [name](Self::named) that is not there yet; no time
    /// at all means to look once. Default: [`DEFAULT_NAMED_WAIT`], and once for
    /// what is [optional](Self::optional). Others than names are never waited for
    /// to exist.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = Some(limit);
        self
    }

    /// An actor that exists already.
    pub fn existing(address: Address<A>) -> Self {
        Dependency::from_source(Source::Existing(address))
    }

    /// The actor at that path. One that is not there when the dependent starts is
    /// waited for, in the state `starting`, for [`DEFAULT_NAMED_WAIT`] or as long
    /// as [`within`](Self::within) says; a start without it then fails with
    /// [`StartFailure::Missing`].
    pub fn named(path: impl Into<String>) -> Self {
        Dependency::from_source(Source::Named(path.into()))
    }

    /// An actor of its own: spawned as a child of the dependent, and stopped
    /// after it.
    pub fn spawn(
        name: impl Into<String>,
        options: Options,
        mut factory: impl FnMut() -> A + Send + 'static,
    ) -> Self {
        let factory: Factory<A> = Box::new(move || Ok(factory()));
        Dependency::from_source(Source::Spawned { name: name.into(), options, factory })
    }

    /// The system's one actor of that type, built by the injector when it is
    /// needed first.
    pub fn by_type() -> Self
    where
        A: Inject,
    {
        Dependency::from_source(Source::Injected(System::injected::<A>))
    }
}

impl<A: Actor> From<Address<A>> for Dependency<A> {
    fn from(address: Address<A>) -> Self {
        Dependency::existing(address)
    }
}

/// An actor type that the injector can build.
pub trait Inject: Actor {
    /// Builds one, with its arguments found in the system.
    ///
    /// # Errors
    ///
    /// An argument is missing; the start fails with this error.
    fn inject(injector: &Injector) -> Result<Self, BoxError>;

    /// How it is run.
    fn options() -> Options {
        Options::default()
    }
}

/// What dependencies, resources and injected actors are built from.
#[derive(Clone)]
pub struct Injector {
    cell: Arc<dyn AnyCell>,
}

impl Injector {
    pub(crate) fn new(cell: Arc<dyn AnyCell>) -> Self {
        Injector { cell }
    }

    /// The system.
    pub fn system(&self) -> &System {
        &self.cell.core().system
    }

    /// The path of the actor that starts.
    pub fn path(&self) -> &str {
        &self.cell.core().path
    }

    /// A value that was given to [`System::provide`].
    pub fn argument<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.system().argument()
    }

    /// A dependency of the actor that starts, by its type.
    pub fn dependency<B: Actor>(&self) -> Option<Address<B>> {
        find(self.cell.core())
    }
}

/// The dependency of that type.
pub(crate) fn find<B: Actor>(core: &Core) -> Option<Address<B>> {
    let known: Vec<_> = core.peek_cold(|cold| cold.needs().cloned().collect())?;
    let found = known.into_iter().find_map(|cell| cell.into_any().downcast::<Cell<B>>().ok());
    found.map(Address::new)
}

/// Collects the dependencies of one actor; used by the code that
/// [`#[actor]`](macro@crate::actor) writes.
pub struct Dependencies<'a> {
    injector: &'a Injector,
    failure: Option<StartFailure>,
    /// Those that were not there.
    sought: Vec<Sought>,
}

impl<'a> Dependencies<'a> {
    pub(crate) fn new(injector: &'a Injector) -> Self {
        Dependencies { injector, failure: None, sought: Vec::new() }
    }

    /// What is left to wait for.
    pub(crate) fn into_sought(self) -> Result<SoughtOf, StartFailure> {
        let own = Arc::clone(&self.injector.cell);
        self.failure.map_or(Ok(SoughtOf { own, sought: self.sought }), Err)
    }

    /// What the dependency functions get.
    pub fn injector(&self) -> &Injector {
        self.injector
    }

    /// Finds or makes the dependency and links to it.
    pub fn add<B: Actor>(&mut self, dependency: Dependency<B>) {
        if self.failure.is_some() {
            return;
        }
        let Dependency { source, requirement, within } = dependency;
        let found = match source {
            Source::Named(path) => {
                let sought = Sought::of::<B>(path, requirement, within);
                match sought.look(self.injector.system()) {
                    Some(found) => found,
                    None => return self.sought.push(sought),
                }
            }
            Source::Existing(address) => Ok(address.any_cell()),
            Source::Injected(build) => Ok(build(self.injector.system()).any_cell()),
            Source::Spawned { name, options, factory } => {
                let own = Some(&self.injector.cell);
                Ok(self.injector.system().launch(own.cloned(), &name, options, factory).any_cell())
            }
        };
        let linked = match found {
            Ok(cell) => link(&self.injector.cell, cell, requirement),
            Err(failure) if requirement == Requirement::Optional => {
                let path = self.injector.path();
                return tracing::warn!(path, %failure, "optional dependency left out");
            }
            Err(failure) => Err(failure),
        };
        self.failure = linked.err();
    }
}

/// The names that one actor waits for.
pub(crate) struct SoughtOf {
    own: Arc<dyn AnyCell>,
    sought: Vec<Sought>,
}

impl SoughtOf {
    pub(crate) async fn await_all(self) -> Result<(), StartFailure> {
        sought::await_all(&self.own, self.sought).await
    }
}

/// Draws the edge from an actor to its dependency.
///
/// # Errors
///
/// The edge would close a cycle: of dependencies, or of actors that wait for each
/// other's start.
pub(crate) fn link(
    dependent: &Arc<dyn AnyCell>,
    dependency: Arc<dyn AnyCell>,
    requirement: Requirement,
) -> Result<(), StartFailure> {
    let core = dependent.core();
    let _one_at_a_time = core.system.graph().lock();
    let circle = way(&dependency, core.id, Edges::All, &mut HashSet::new())
        .or_else(|| way_of_waits(&dependency, core.id));
    if let Some(mut types) = circle {
        types.insert(0, core.type_name());
        return Err(StartFailure::Cycle { types });
    }
    if requirement == Requirement::Required {
        dependents::note(dependency.core(), dependent);
    }
    core.with_cold(|cold| {
        if requirement == Requirement::Optional {
            cold.optional.push(dependency.core().id);
        }
        let known = cold.dependencies.iter().any(|cell| cell.core().id == dependency.core().id);
        if !known {
            cold.dependencies.push(dependency);
        }
    });
    Ok(())
}

/// Sets those dependencies aside that another one needs, too.
pub(crate) fn reduce(core: &Core) {
    let _one_at_a_time = core.system.graph().lock();
    let direct = core.peek_cold(|cold| cold.dependencies.clone()).unwrap_or_default();
    let is_implied = |cell: &Arc<dyn AnyCell>| {
        let id = cell.core().id;
        let mut others = direct.iter().filter(|other| other.core().id != id);
        others.any(|other| way(other, id, Edges::Required, &mut HashSet::new()).is_some())
    };
    let (implied, direct): (Vec<_>, Vec<_>) =
        direct.iter().cloned().partition(|cell| is_implied(cell));
    if !implied.is_empty() {
        core.with_cold(|cold| {
            cold.dependencies = direct;
            cold.implied.extend(implied);
        });
    }
}

/// Which edges make a way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edges {
    All,
    Required,
}

/// The types on the way from `from` to the actor with the id `to`.
fn way(
    from: &Arc<dyn AnyCell>,
    to: u64,
    edges: Edges,
    visited: &mut HashSet<u64>,
) -> Option<Vec<&'static str>> {
    let core = from.core();
    if core.id == to {
        return Some(vec![core.type_name()]);
    }
    if !visited.insert(core.id) {
        return None;
    }
    let next: Option<Vec<_>> = core.peek_cold(|cold| {
        let counts = |cell: &&Arc<dyn AnyCell>| {
            edges == Edges::All || !cold.optional.contains(&cell.core().id)
        };
        cold.needs().filter(counts).cloned().collect()
    });
    next?.iter().find_map(|next| way(next, to, edges, visited)).map(|mut types| {
        types.insert(0, core.type_name());
        types
    })
}
