//! What a running task can see: its message, its cancellation, the app's states.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use celeriac_core::Message;
use celeriac_core::outcome::Progress;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Values that the app provides to its tasks, one of each type.
#[derive(Clone, Default)]
pub struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Adds a value; a later one of the same type replaces it.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.0.insert(TypeId::of::<T>(), value);
    }

    /// The value of that type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// Whether there is a value of that type.
    #[must_use]
    pub fn contains(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({} types)", self.0.len())
    }
}

/// Why a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// The soft time limit is over: the run may still end in its own way.
    SoftLimit = 1,
    /// The task was revoked.
    Revoked = 2,
    /// The worker stops and its grace is over.
    Stopping = 3,
    /// The hard time limit is over.
    HardLimit = 4,
}

/// The cancellation scope of one run, shared by the run and its actor.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    token: CancellationToken,
    ended: CancellationToken,
    why: AtomicU8,
    progress: Mutex<Option<Progress>>,
}

impl Scope {
    /// Asks the run to stop, and unless it is only a soft limit, ends it. The
    /// first reason to end it stays.
    pub(crate) fn cancel(&self, why: Cancelled) {
        if why != Cancelled::SoftLimit {
            let _ = self.why.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
            self.ended.cancel();
        }
        self.token.cancel();
    }

    /// Why the run was ended from outside, if it was.
    pub(crate) fn why(&self) -> Option<Cancelled> {
        match self.why.load(Ordering::Acquire) {
            2 => Some(Cancelled::Revoked),
            3 => Some(Cancelled::Stopping),
            4 => Some(Cancelled::HardLimit),
            _ => None,
        }
    }

    /// Resolves when the run is ended from outside. Cancel-safe.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The latest progress, once.
    pub(crate) fn take_progress(&self) -> Option<Progress> {
        self.progress.lock().take()
    }
}

/// What one run of a task can see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RunContext {
    message: Arc<Message>,
    scope: Arc<Scope>,
    states: Arc<States>,
}

impl RunContext {
    pub(crate) fn new(message: Arc<Message>, states: Arc<States>) -> (Self, Arc<Scope>) {
        let scope = Arc::new(Scope::default());
        (Self { message, scope: scope.clone(), states }, scope)
    }

    /// The same run, of one item of a list.
    pub(crate) fn of(&self, message: Message) -> Self {
        Self { message: message.into(), ..self.clone() }
    }

    /// The command that is being run.
    #[must_use]
    pub fn message(&self) -> &Arc<Message> {
        &self.message
    }

    /// The value of type `T` that the app provides.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.states.get()
    }

    /// Whether the run should stop: it is over its soft time limit, was
    /// revoked, or the worker stops.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.scope.token.is_cancelled()
    }

    /// Resolves when the run should stop. Cancel-safe.
    pub async fn cancelled(&self) {
        self.scope.token.cancelled().await;
    }

    /// Says how far the run is; the latest word is stored now and then.
    pub fn report(&self, progress: Progress) {
        *self.scope.progress.lock() = Some(progress);
    }
}
