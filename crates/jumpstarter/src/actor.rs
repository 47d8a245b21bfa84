//! What an actor is to the runner. [`#[actor]`](macro@crate::actor) writes these
//! impls; writing them by hand is possible but seldom worth it.

use std::future::Future;
use std::time::Duration;

use crate::chart::Refinement;
use crate::context::Context;
use crate::dependency::Dependencies;
use crate::error::BoxError;
use crate::hooks::{HookFailure, Phase, Transition};
use crate::reply::Reply;
use crate::resource::{Acquisition, DEFAULT_RELEASE_TIMEOUT, Release, StartStep};
use crate::supervision::ChildFailed;
use crate::task::{Flow, TaskContext, TaskSpec};

/// A value with a mailbox.
///
/// Implemented by [`#[actor]`](macro@crate::actor) on the inherent impl.
pub trait Actor: Sized + Send + 'static {
    /// Every message the actor understands, each with its reply slot.
    type Message: Send + 'static;

    /// The tasks, in the order of their indices.
    const TASKS: &'static [TaskSpec] = &[];
    /// Whether [`Actor::dependencies`] or [`Actor::acquire`] do anything.
    const NEEDS: bool = false;
    /// Whether [`Actor::greet`] does anything.
    const GREETS: bool = false;
    /// Whether [`Actor::on_started`] does anything.
    const AWAITS_START: bool = false;
    /// Whether [`Actor::on_stopped`] does anything.
    const SAYS_GOODBYE: bool = false;
    /// Whether messages may have to wait for another state.
    const STASHES: bool = false;
    /// Whether [`Actor::dispatch_now`] does anything.
    const AT_ONCE: bool = false;
    /// Whether [`Actor::on_batch`] does anything.
    const SEES_BATCHES: bool = false;
    /// Whether [`Actor::hook`] does anything.
    const HOOKS: bool = false;
    /// The sub-states of the actor's own chart.
    const REFINEMENT: Option<&'static Refinement> = None;

    /// Works on one message.
    fn dispatch(
        &mut self,
        message: Self::Message,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = ()> + Send;

    /// Works on one message if its handler awaits nothing; gives back any other one.
    fn dispatch_now(
        &mut self,
        message: Self::Message,
        _ctx: &mut Context<Self>,
    ) -> Option<Self::Message> {
        Some(message)
    }

    /// The type name of a message.
    fn message_name(message: &Self::Message) -> &'static str;

    /// After each batch of messages.
    fn on_batch(&mut self, _ctx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The last step of the start, if it awaits nothing.
    ///
    /// # Errors
    ///
    /// Whatever it says; the start has failed.
    fn greet(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        Ok(())
    }

    /// The last step of the start, if it awaits something.
    fn on_started(
        &mut self,
        _ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }

    /// During a stop, after the tasks and before the resources.
    fn on_stopped(&mut self, _ctx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// A child crashed and is not restarted. `None`: the actor takes no care of
    /// that; an error ends it.
    fn on_child_failed(
        &mut self,
        _failure: ChildFailed,
        _ctx: &mut Context<Self>,
    ) -> impl Future<Output = Option<Result<(), BoxError>>> + Send {
        async { None }
    }

    /// The hooks of one phase of a transition, in their order.
    fn hook(
        &mut self,
        _phase: Phase,
        _transition: &Transition<'_>,
        _ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), HookFailure>> + Send {
        async { Ok(()) }
    }

    /// Names the dependencies.
    fn dependencies(&self, _wanted: &mut Dependencies<'_>) {}

    /// Acquires the resources.
    fn acquire(
        self,
        _acquisition: &mut Acquisition<'_>,
    ) -> impl Future<Output = (Option<Self>, StartStep)> + Send {
        async { (Some(self), Ok(())) }
    }

    /// Releases one resource; by default it is dropped.
    fn release(&mut self, _resource: Release) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// How long the release of the resource of this name may take.
    fn release_timeout(_name: &str) -> Duration {
        DEFAULT_RELEASE_TIMEOUT
    }

    /// One turn of a task that runs on the actor.
    fn turn(
        &mut self,
        _task: usize,
        _ctx: &mut Context<Self>,
    ) -> impl Future<Output = Flow> + Send {
        async { Flow::Success }
    }

    /// One turn of a blocking task that needs the actor; not on the runtime's
    /// threads.
    fn blocking_turn(&mut self, _task: usize, _ctx: TaskContext<Self>) -> Flow {
        Flow::Success
    }

    /// One turn of a blocking task that runs beside the actor; not on the
    /// runtime's threads.
    fn blocking_beside(_task: usize, _ctx: TaskContext<Self>) -> Flow {
        Flow::Success
    }

    /// One turn of a concurrent task.
    fn concurrent(_task: usize, _ctx: TaskContext<Self>) -> impl Future<Output = Flow> + Send {
        async { Flow::Success }
    }
}

/// The actor understands messages of type `M`.
///
/// Implemented by [`#[actor]`](macro@crate::actor) for each `#[handler]`.
pub trait Handler<M>: Actor {
    /// What an [`ask`](crate::Address::ask) gives.
    type Reply: Send + 'static;

    /// Puts the message and its way back into the actor's message type.
    fn envelope(message: M, reply: Reply<Self::Reply>) -> Self::Message;
}

/// Called for every actor, for its name: the compiler prints it where an actor
/// holds an `Rc`, a `RefCell` behind a reference, or anything else that is not
/// `Send`.
pub fn actors_move_between_threads_so_use_arc_not_rc<A: Send>() {}

/// What a handler with `crash_on_error` may return.
#[diagnostic::on_unimplemented(
    message = "`crash_on_error` needs a handler that returns a `Result`, not `{Self}`",
    label = "not a `Result`",
    note = "return a `Result` whose error can be printed, or leave `crash_on_error` out"
)]
pub trait MayFail {
    /// What the actor crashes with, if anything.
    fn failure(&self) -> Option<String>;
}

impl<T, E: ToString> MayFail for Result<T, E> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().map(ToString::to_string)
    }
}

/// What a hook may return.
#[diagnostic::on_unimplemented(message = "a hook returns `()` or `Result<(), E>`, not `{Self}`")]
pub trait HookOutcome {
    /// Both ways to end.
    ///
    /// # Errors
    ///
    /// Whatever the hook says; the actor crashes with it.
    fn into_result(self) -> Result<(), BoxError>;
}

impl HookOutcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> HookOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}
