//! Dependencies: what must be started before an actor and stopped after it.

use std::any::type_name;
use std::collections::HashSet;
use std::sync::Arc;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::{AnyCell, Cell};
use crate::error::{BoxError, StartFailure};
use crate::options::Options;
use crate::system::System;

/// An actor that another one needs, and how it is found.
pub struct Dependency<A: Actor> {
    source: Source<A>,
}

type Factory<A> = Box<dyn FnMut() -> Result<A, BoxError> + Send>;

enum Source<A: Actor> {
    Existing(Address<A>),
    Named(String),
    Spawned { name: String, options: Options, factory: Factory<A> },
    Injected(fn(&System) -> Address<A>),
}

impl<A: Actor> Dependency<A> {
    /// An actor that exists already.
    pub fn existing(address: Address<A>) -> Self {
        Dependency { source: Source::Existing(address) }
    }

    /// The actor at that path.
    pub fn named(path: impl Into<String>) -> Self {
        Dependency { source: Source::Named(path.into()) }
    }

    /// An actor of its own: spawned as a child of the dependent, and stopped
    /// after it.
    pub fn spawn(
        name: impl Into<String>,
        options: Options,
        mut factory: impl FnMut() -> A + Send + 'static,
    ) -> Self {
        let factory: Factory<A> = Box::new(move || Ok(factory()));
        Dependency { source: Source::Spawned { name: name.into(), options, factory } }
    }

    /// The system's one actor of that type, built by the injector when it is
    /// needed first.
    pub fn by_type() -> Self
    where
        A: Inject,
    {
        Dependency { source: Source::Injected(System::injected::<A>) }
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
        let known = self.cell.core().peek_cold(|cold| cold.dependencies.clone())?;
        known
            .into_iter()
            .find_map(|cell| cell.into_any().downcast::<Cell<B>>().ok())
            .map(Address::new)
    }
}

/// Collects the dependencies of one actor; used by the code that
/// [`#[actor]`](macro@crate::actor) writes.
pub struct Dependencies<'a> {
    injector: &'a Injector,
    failure: Option<StartFailure>,
}

impl<'a> Dependencies<'a> {
    pub(crate) fn new(injector: &'a Injector) -> Self {
        Dependencies { injector, failure: None }
    }

    pub(crate) fn into_result(self) -> Result<(), StartFailure> {
        self.failure.map_or(Ok(()), Err)
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
        let linked = self
            .resolve(dependency)
            .and_then(|address| link(&self.injector.cell, address.any_cell()));
        self.failure = linked.err();
    }

    fn resolve<B: Actor>(&self, dependency: Dependency<B>) -> Result<Address<B>, StartFailure> {
        let system = self.injector.system();
        match dependency.source {
            Source::Existing(address) => Ok(address),
            Source::Injected(build) => Ok(build(system)),
            Source::Spawned { name, options, factory } => {
                Ok(system.launch(Some(&self.injector.cell), &name, options, factory))
            }
            Source::Named(path) => {
                let Some(cell) = system.find_cell(&path) else {
                    let type_name = type_name::<B>();
                    return Err(StartFailure::Missing { type_name, path: Some(path) });
                };
                let found = cell.core().type_name;
                cell.into_any().downcast().map(Address::new).map_err(|_| StartFailure::WrongType {
                    path,
                    wanted: type_name::<B>(),
                    found,
                })
            }
        }
    }
}

/// Draws the edge from an actor to its dependency.
///
/// # Errors
///
/// The edge would close a cycle.
pub(crate) fn link(
    dependent: &Arc<dyn AnyCell>,
    dependency: Arc<dyn AnyCell>,
) -> Result<(), StartFailure> {
    let core = dependent.core();
    let _one_at_a_time = core.system.graph().lock();
    if let Some(mut types) = way(&dependency, core.id, &mut HashSet::new()) {
        types.insert(0, core.type_name);
        return Err(StartFailure::Cycle { types });
    }
    core.with_cold(|cold| {
        let known = cold.dependencies.iter().any(|cell| cell.core().id == dependency.core().id);
        if !known {
            cold.dependencies.push(dependency);
        }
    });
    Ok(())
}

/// The types on the way from `from` to the actor with the id `to`.
fn way(from: &Arc<dyn AnyCell>, to: u64, visited: &mut HashSet<u64>) -> Option<Vec<&'static str>> {
    let core = from.core();
    if core.id == to {
        return Some(vec![core.type_name]);
    }
    if !visited.insert(core.id) {
        return None;
    }
    let dependencies = core.peek_cold(|cold| cold.dependencies.clone()).unwrap_or_default();
    dependencies.iter().find_map(|next| way(next, to, visited)).map(|mut types| {
        types.insert(0, core.type_name);
        types
    })
}
