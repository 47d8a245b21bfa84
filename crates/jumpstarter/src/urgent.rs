//! The urgent lane: what the system tells an actor overtakes its mailbox.
//!
//! Not counted in the mailbox's bound. Attended between two messages, because a
//! flag in the state word says that there is something; messages of users never
//! come this way.

use std::any::Any;

use crate::actor::Actor;
use crate::cell::{Cell, dead_letter};
use crate::event::DeadLetterReason;
use crate::supervision::ChildFailed;

pub(crate) enum SystemMessage {
    ChildFailed(ChildFailed),
    /// One of the actor's own message type.
    Urgent(Box<dyn Any + Send>),
}

impl<A: Actor> Cell<A> {
    /// Delivers a message ahead of all that wait.
    pub(crate) fn overtake(&self, message: A::Message) {
        let urgent = SystemMessage::Urgent(Box::new(message));
        if let Err(refused) = self.core.push_system(urgent) {
            self.bury(refused, DeadLetterReason::Closed);
        }
    }

    /// Dead letters of what was not attended to before the end.
    pub(crate) fn bury_urgent(&self) {
        let left = self.core.peek_cold(|cold| std::mem::take(&mut cold.system_messages));
        for message in left.unwrap_or_default() {
            self.bury(message, DeadLetterReason::LeftOver);
        }
    }

    fn bury(&self, message: SystemMessage, reason: DeadLetterReason) {
        // A failure of a child was published already.
        if let SystemMessage::Urgent(urgent) = message
            && let Ok(message) = urgent.downcast::<A::Message>()
        {
            dead_letter(&self.core, A::message_name(&message), reason);
        }
    }
}
