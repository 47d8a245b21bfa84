//! What an actor's own code gets at hand: its address, its system, its scope,
//! its children, resources and dependencies, and the reports on its health.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Handler};
use crate::address::Address;
use crate::cell::Cell;
use crate::chart::Refused;
use crate::configuration::Configuration;
use crate::core::{Core, RESTART, STOP_SELF};
use crate::dependency;
use crate::error::{BlockingError, BoxError, Cause, Crash};
use crate::hooks::{self, Fires, Firing};
use crate::lifecycle::State;
use crate::options::Options;
use crate::resource::Resources;
use crate::spawner::{Spawned, Spawner};
use crate::stash::Stash;
use crate::system::System;

/// What the handlers, hooks and turns of an actor get.
///
/// One per incarnation: after a restart there is a fresh one.
pub struct Context<A: Actor> {
    cell: Arc<Cell<A>>,
    pub(crate) resources: Resources,
    /// Messages that wait for another state; few actors have any.
    pub(crate) stash: Option<Box<Stash<A::Message>>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>) -> Self {
        Context { cell, resources: Resources::default(), stash: None }
    }

    /// Makes it a fresh one; gives what was held.
    pub(crate) fn renew(&mut self) -> impl Sized + use<A> {
        (std::mem::take(&mut self.resources), self.stash.take())
    }

    pub(crate) fn cell(&self) -> &Arc<Cell<A>> {
        &self.cell
    }

    pub(crate) fn core(&self) -> &Core {
        &self.cell.core
    }

    /// The bound of the mailbox.
    pub(crate) fn capacity(&self) -> Option<usize> {
        self.cell.mailbox.depth().1
    }

    /// The actor's own address.
    pub fn address(&self) -> Address<A> {
        Address::new(Arc::clone(&self.cell))
    }

    /// The system it lives in.
    pub fn system(&self) -> &System {
        &self.cell.core.system
    }

    /// Where the actor is in the tree.
    pub fn path(&self) -> &str {
        &self.cell.core.path
    }

    /// The state of the lifecycle; cheap.
    pub fn lifecycle(&self) -> State {
        self.cell.core.state()
    }

    /// The whole configuration: lifecycle, restart region, tasks, dependencies.
    pub fn state(&self) -> Configuration {
        Configuration::of(self.cell.as_ref())
    }

    /// Cancelled when this incarnation stops or crashes.
    pub fn scope(&self) -> CancellationToken {
        self.cell.core.group().token().clone()
    }

    /// Runs a future as a tokio task tied to the actor; see [`Spawner::spawn`].
    pub fn spawn<F>(&self, future: F) -> Spawned
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawner().spawn(future)
    }

    /// A handle that spawns such futures from anywhere.
    pub fn spawner(&self) -> Spawner {
        Spawner::new(self.cell.core.group())
    }

    /// Starts an actor that is stopped before this one, and whose failure this
    /// one hears of. See [`System::spawn`].
    pub fn spawn_child<B, F>(&self, name: &str, options: Options, mut factory: F) -> Address<B>
    where
        B: Actor,
        F: FnMut() -> B + Send + 'static,
    {
        let parent = self.address().any_cell();
        self.system().launch(Some(parent), name, options, move || Ok(factory()))
    }

    /// Sends the actor a message after some time, unless it stops before.
    pub fn schedule<M>(&self, after: Duration, message: M) -> Spawned
    where
        A: Handler<M>,
        M: Send + 'static,
    {
        let address = self.address();
        self.spawn(async move {
            tokio::time::sleep(after).await;
            // A stopped actor has counted the dead letter.
            let _ = address.tell(message).await;
        })
    }

    /// Runs a closure that blocks, on the system's bounded pool.
    ///
    /// # Errors
    ///
    /// It panicked, or the runtime is shutting down.
    ///
    /// # Cancel safety
    ///
    /// Once it has begun, the closure runs to its end even if the future is
    /// dropped.
    pub fn blocking<T, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, BlockingError>> + Send + use<A, T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let system = self.system().clone();
        async move { system.blocking(work).await }
    }

    /// A resource of the actor, by its type; `None` if there is none, or an
    /// optional one was not available.
    pub fn resource<T: Send + 'static>(&self) -> Option<&T> {
        self.resources.get()
    }

    /// Like [`resource`](Self::resource), to change it.
    pub fn resource_mut<T: Send + 'static>(&mut self) -> Option<&mut T> {
        self.resources.get_mut()
    }

    /// A dependency of the actor, by its type.
    pub fn dependency<B: Actor>(&self) -> Option<Address<B>> {
        dependency::find(&self.cell.core)
    }

    /// Stops the actor after this message and those that were accepted; before,
    /// those that depend on it are stopped, as by
    /// [`Address::stop`](crate::Address::stop). With
    /// [`RestartPolicy::Permanent`](crate::RestartPolicy::Permanent) it starts
    /// again.
    pub fn stop_self(&self) {
        self.cell.core.raise(STOP_SELF);
    }

    /// Stops the actor after this message and starts it again with a fresh value.
    pub fn restart_self(&self) {
        self.cell.core.raise(RESTART);
    }

    /// Something is not as it should be; work goes on. In an actor with hooks
    /// reports are checked at once, and carried out after the handler.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is healthy or unhealthy.
    pub fn report_warning(&self) -> Result<(), Refused> {
        hooks::report(self.core(), Firing::WARNING, None)
    }

    /// Something is broken; work goes on.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is healthy or degraded.
    pub fn report_problem(&self) -> Result<(), Refused> {
        hooks::report(self.core(), Firing::PROBLEM, None)
    }

    /// What was reported is over.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is degraded or unhealthy.
    pub fn recover(&self) -> Result<(), Refused> {
        hooks::report(self.core(), Firing::RECOVER, None)
    }

    /// Fires a trigger of the actor's own chart, `#[actor(chart = …)]`. With
    /// hooks it is checked at once, and carried out after the handler.
    ///
    /// # Errors
    ///
    /// Refused where the chart has no such transition.
    pub fn fire(&self, trigger: impl Fires<A>) -> Result<(), Refused> {
        hooks::report(self.core(), Firing::Own(trigger.index()), None)
    }

    /// Like [`fire`](Self::fire), with a value for the hooks; see
    /// [`Transition::payload`](crate::Transition::payload).
    ///
    /// # Errors
    ///
    /// Those of `fire`.
    pub fn fire_with<P>(&self, trigger: impl Fires<A>, payload: P) -> Result<(), Refused>
    where
        P: Any + Send + Sync,
    {
        hooks::report(self.core(), Firing::Own(trigger.index()), Some(Box::new(payload)))
    }

    /// Crashes the actor: the message at work is finished, then supervision
    /// decides.
    pub fn report_error(&self, error: impl Into<BoxError>) {
        self.cell.core.crash(Crash::new(Cause::Error, error));
    }
}
