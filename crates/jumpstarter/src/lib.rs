//! An actor system in which an actor's condition is a state machine.
//!
//! An actor is a value with a mailbox. [`#[actor]`](macro@actor) on its inherent
//! impl makes one enum of the messages it understands, so that sending one
//! costs a short lock and no allocation. Around the messages stand an ordered
//! start and stop, with hooks on every transition ([`Lifecycle`],
//! [`statechart!`](macro@statechart)), dependencies ([`Dependency`]), resources, tasks
//! ([`Flow`]), supervision ([`RestartPolicy`]) and an orderly
//! [shutdown](System::shutdown).
//!
//! See [`System`] for an example, [`#[actor]`](macro@actor) for everything that an
//! actor can declare, and the [`guide`] for a tour from one actor to a supervised
//! tree with a live diagram. The cargo feature `testing` brings a module of that
//! name: schedules by seed, a paused clock, probes.

#![forbid(unsafe_code)]

// What the macros write names this crate by its name.
extern crate self as jumpstarter;

mod actor;
mod address;
mod blocking;
mod bring_up;
mod busy;
mod cell;
pub mod chart;
mod concurrent;
mod configuration;
mod context;
mod core;
mod dependency;
mod dependents;
mod error;
mod event;
mod guard;
pub mod guide;
mod hooks;
mod injection;
#[cfg(all(test, shuttle))]
mod interleavings;
mod jitter;
mod life;
mod mailbox;
mod nursery;
mod options;
mod pace;
mod path;
mod publish;
mod recipient;
mod recipient_of;
mod registry;
mod reply;
mod resource;
mod route;
mod runner;
mod runtime;
mod seats;
mod shutdown;
mod signals;
mod snapshot;
mod span;
mod spawner;
mod starting;
mod stash;
mod strategy;
mod stream;
mod supervision;
mod sync;
mod system;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod turns;
mod urgent;
pub mod viz;
mod watch;
mod wind_down;
mod work;

pub use jumpstarter_macros::actor;
#[doc = include_str!("../docs/statechart.md")]
pub use jumpstarter_macros::statechart;

pub use crate::actor::{Actor, Handler};
pub use crate::address::{Address, ControlError, Restarting, Stopping};
pub use crate::cell::Exit;
pub use crate::chart::{Place, Refused, Statechart};
pub use crate::configuration::{ActiveState, Configuration};
pub use crate::context::Context;
pub use crate::dependency::{DEFAULT_NAMED_WAIT, Dependency, Inject, Injector};
pub use crate::error::{
    AskError, BlockingError, BoxError, Cause, Crash, Panicked, ResourceUnavailable, StartError,
    StartFailure, TellError, TryTellError,
};
pub use crate::event::{DeadLetterReason, Event, Events};
pub use crate::hooks::{Fires, Transition};
pub use crate::life::{Lifecycle, lifecycle};
pub use crate::lifecycle::restart::State as RestartRegion;
pub use crate::lifecycle::task::State as TaskState;
pub use crate::lifecycle::{State, Trigger};
pub use crate::options::{DEFAULT_BATCH, DEFAULT_GRACE, DEFAULT_MAILBOX, Options};
pub use crate::pace::{Continuous, Missed, Outcome, Pace, Periodic, Turn};
pub use crate::publish::Publishes;
pub use crate::recipient::Recipient;
pub use crate::recipient_of::RecipientOf;
pub use crate::reply::Reply;
pub use crate::resource::DEFAULT_RELEASE_TIMEOUT;
pub use crate::shutdown::{LAST_WAIT, ShutdownReport};
pub use crate::signals::SignalError;
pub use crate::snapshot::ActorSnapshot;
pub use crate::spawner::{Spawned, Spawner};
pub use crate::strategy::Strategy;
pub use crate::stream::{Delivery, Subscription};
pub use crate::supervision::{Backoff, ChildFailed, Escalated, Intensity, RestartPolicy};
pub use crate::system::{BLOCKING_POOL, System};
pub use crate::task::{Flow, IntoFlow, TaskContext, TaskSpec};
pub use crate::watch::Terminated;
pub use tokio_util::sync::CancellationToken;

/// What the code written by [`#[actor]`](macro@actor) names, beside the public
/// types. Not for use by hand; may change at any time.
#[doc(hidden)]
pub mod written {
    pub use crate::actor::{HookOutcome, MayFail, actors_move_between_threads_so_use_arc_not_rc};
    pub use crate::dependency::Dependencies;
    pub use crate::hooks::{HookFailure, Phase};
    pub use crate::life::is_lifecycle_trigger;
    pub use crate::resource::{
        Acquisition, Release, Requirement, ResourceOutcome, StartStep, acquire_on_pool,
        acquire_within, note_release,
    };
    pub use crate::stash::{is_in, stash, unhandled};
    pub use futures_util::future::join;
    pub use serde::{Serialize, Serializer};
}
