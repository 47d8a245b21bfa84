//! Events: what happened, and who wants to know.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use celeriac_core::{ContentType, Name, QueueName, arguments, body};
use celeriac_engine::{MapError, Subscription};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::task::Task;

/// Something that happened. `#[celeriac::event]` implements it for a struct.
pub trait Event: Serialize + DeserializeOwned + Send + 'static {
    /// The name on the wire.
    const NAME: &'static str;
}

/// A task that runs when an event happens; made by `task::from_event(map)`.
#[must_use = "a subscriber hears nothing until `app.subscribe` is given it"]
pub struct Subscriber<E> {
    subscription: Subscription,
    event: PhantomData<fn(E)>,
}

impl<E: Event> Subscriber<E> {
    /// A subscriber that runs `T` with arguments made of the event. `map` must
    /// be pure: it may be called more than once for an event.
    pub fn new<T: Task>(map: impl Fn(E) -> T::Args + Send + Sync + 'static) -> Self {
        let map = move |content_type: &ContentType, bytes: &[u8]| {
            let failed = |error: &dyn fmt::Display| MapError(error.to_string());
            let event = body::decode::<E>(content_type, bytes).map_err(|e| failed(&e))?;
            arguments::encode(&ContentType::Json, &map(event)).map_err(|e| failed(&e))
        };
        let subscription = Subscription {
            name: T::NAME.to_owned(),
            task: Name::from_static(T::NAME),
            queue: QueueName::from_static(T::OPTIONS.queue),
            map: Arc::new(map),
        };
        Self { subscription, event: PhantomData }
    }

    /// Gives the subscription another name than the task's. A task that
    /// subscribes twice to the same event needs two names; they must outlive
    /// restarts.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.subscription.name = name.into();
        self
    }

    pub(crate) fn into_subscription(self) -> Subscription {
        self.subscription
    }
}

impl<E> fmt::Debug for Subscriber<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subscription.fmt(f)
    }
}
