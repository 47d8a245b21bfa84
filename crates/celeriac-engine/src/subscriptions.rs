//! Subscriptions: which events and documents become which commands.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::{ContentType, Kind, Message, Name, QueueName, Timestamp};

/// An event's body that a subscription can't turn into arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapError(pub String);

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MapError {}

type Map = dyn Fn(&ContentType, &[u8]) -> Result<Bytes, MapError> + Send + Sync;

/// One task's subscription to one event: what happened in, arguments out.
#[derive(Clone)]
pub struct Subscription {
    /// Its name, unique among those of the event. It is part of the identity
    /// of the commands, so it must outlive restarts.
    pub name: String,
    /// The task that runs.
    pub task: Name,
    /// The queue of its commands.
    pub queue: QueueName,
    /// Makes the task's arguments of the event's body. Must be pure.
    pub map: Arc<Map>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("name", &self.name)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

/// Subscriptions by the event's name.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(HashMap<Name, Vec<Subscription>>);

impl Subscriptions {
    /// Adds one; of the same event and name, the later replaces the earlier.
    pub fn add(&mut self, event: Name, subscription: Subscription) {
        let all = self.0.entry(event).or_default();
        all.retain(|other| other.name != subscription.name);
        all.push(subscription);
    }

    /// Whether nothing subscribes to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The commands that follow from an event: exactly one per subscription,
    /// whose id derives from the event's id and the subscription's name.
    pub(crate) fn commands(
        &self,
        event: &Message,
        now: Timestamp,
    ) -> Result<Vec<Arc<Message>>, MapError> {
        let subscriptions = self.0.get(&event.name).map_or(&[][..], Vec::as_slice);
        subscriptions.iter().map(|subscription| subscription.command(event, now)).collect()
    }
}

impl Subscription {
    fn command(&self, event: &Message, now: Timestamp) -> Result<Arc<Message>, MapError> {
        let body = (self.map)(&event.content_type, &event.body)?;
        let mut command = Message {
            id: event.id.derive(&self.name),
            kind: Kind::Command,
            name: self.task.clone(),
            queue: self.queue.clone(),
            priority: event.priority,
            content_type: ContentType::Json,
            created_at: now,
            attempt: 0,
            may_repeat: true,
            rare: event.rare.clone(),
            body,
        };
        let rare = command.rare_mut();
        rare.eta = None;
        rare.dedup_key = None;
        rare.parent_id = Some(event.id);
        rare.root_id.get_or_insert(event.id);
        Ok(command.into())
    }
}
