//! The system's event stream: what happens to actors, for whoever subscribes.
//!
//! Nothing is built while nobody listens. A listener that falls behind loses
//! the oldest events, and is told how many.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::configuration::ActiveState;
use crate::error::Crash;
use crate::lifecycle::restart::State as RestartRegion;
use crate::lifecycle::task::State as TaskState;

/// Events a listener can be behind before it loses some.
const BACKLOG: usize = 1024;

/// Something that happened to an actor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The lifecycle moved.
    StateChanged {
        /// The actor's path.
        path: String,
        /// The state before.
        from: ActiveState,
        /// The state after.
        to: ActiveState,
    },
    /// The restart region moved.
    RestartRegionChanged {
        /// The actor's path.
        path: String,
        /// The state before.
        from: RestartRegion,
        /// The state after.
        to: RestartRegion,
    },
    /// The region of a task moved.
    TaskChanged {
        /// The actor's path.
        path: String,
        /// The name of the task.
        task: &'static str,
        /// The state before.
        from: TaskState,
        /// The state after.
        to: TaskState,
    },
    /// An incarnation ended by an error.
    Crashed {
        /// The actor's path.
        path: String,
        /// The error.
        crash: Crash,
    },
    /// The actor is started again after a crash or by request.
    Restarted {
        /// The actor's path.
        path: String,
        /// Restarts so far.
        restarts: u32,
    },
    /// Children are started again together, because one of them crashed; see
    /// [`Strategy`](crate::Strategy). All of them are stopped at this moment.
    GroupRestarted {
        /// The parent's path.
        path: String,
        /// The children's paths, in the order in which they start.
        children: Vec<String>,
    },
    /// The actor crashed and is not started again.
    GaveUp {
        /// The actor's path.
        path: String,
        /// The crashes inside the window of its intensity, oldest first.
        history: Vec<Crash>,
        /// Whether it has a parent, which was told; otherwise only this event
        /// and the log tell of it.
        told_parent: bool,
    },
    /// A message reached nobody.
    DeadLetter {
        /// The path of the actor it was meant for.
        path: String,
        /// The type of the message.
        message: &'static str,
        /// Why.
        reason: DeadLetterReason,
    },
    /// A spawned future or concurrent task panicked.
    TaskPanicked {
        /// The path of the actor it belonged to.
        path: String,
        /// What the panic said.
        message: String,
    },
    /// A blocking turn did not end within its actor's grace, and runs on alone.
    TurnAbandoned {
        /// The path of the actor it belonged to.
        path: String,
        /// The name of the task.
        task: &'static str,
    },
    /// The release of a resource did not end within its time; the stop went on.
    NotReleased {
        /// The path of the actor that held it.
        path: String,
        /// The name of the function that acquired it.
        resource: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// A listener found out that it had missed this many events.
    Missed(u64),
}

/// Why a message reached nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The actor had stopped already.
    Closed,
    /// The actor stopped before it came to it.
    LeftOver,
    /// None of its handlers is bound to the state that the actor was in.
    NotHandled,
    /// It had to wait for another state, and as many as the mailbox holds waited
    /// already.
    StashFull,
}

/// The sending end, one per system.
#[derive(Default)]
pub(crate) struct EventBus {
    sender: OnceLock<broadcast::Sender<Event>>,
}

impl EventBus {
    pub(crate) fn subscribe(&self) -> Events {
        let sender = self.sender.get_or_init(|| broadcast::channel(BACKLOG).0);
        Events { receiver: sender.subscribe() }
    }

    /// Whether anyone listens.
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.sender.get().is_some_and(|sender| sender.receiver_count() > 0)
    }

    #[inline]
    pub(crate) fn publish(&self, event: impl FnOnce() -> Event) {
        if self.is_heard()
            && let Some(sender) = self.sender.get()
        {
            // The last listener may leave at this moment; then nobody misses it.
            let _ = sender.send(event());
        }
    }
}

/// A listener on the system's events. Made by
/// [`System::events`](crate::System::events).
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

impl Events {
    /// The next event; `None` when the system is gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Event> {
        match self.receiver.try_recv() {
            Ok(event) => Some(event),
            Err(broadcast::error::TryRecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(_) => None,
        }
    }
}
