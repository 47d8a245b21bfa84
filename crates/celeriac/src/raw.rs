//! Untyped calls: by name, for programs that do not have the task's type.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Message, MessageId, Name, Priority, QueueName, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::result::AsyncResult;
use crate::send::SendError;

/// A call by name with arguments as JSON. What it does not say gets defaults:
/// the options on the task's attribute are not known here, but for tasks that
/// are registered with the app its queue is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RawSignature {
    /// The task's name.
    #[serde(skip)]
    pub name: String,
    /// Arguments by position.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Map<String, Value>,
    /// The queue. Default: the registered task's, or `default`.
    #[serde(skip)]
    pub queue: Option<String>,
    /// The priority. Default 5.
    #[serde(skip)]
    pub priority: Option<Priority>,
    /// The delay. Default none.
    #[serde(skip)]
    pub countdown: Option<Duration>,
    /// When it may no longer begin. Default never.
    #[serde(skip)]
    pub expires: Option<Duration>,
    /// Where the value of a success goes, beside the store: names of sinks, or
    /// `store` for nowhere else. Default: the registered task's.
    #[serde(skip)]
    pub sinks: Vec<String>,
    /// The id. Default a fresh one.
    #[serde(skip)]
    pub id: Option<MessageId>,
}

impl App {
    /// Sends a task by name.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_raw(&self, call: RawSignature) -> Result<AsyncResult<Value>, SendError> {
        let connection = self.connection().await?;
        let message = self.message_of(call, Timestamp::now())?;
        let id = message.id;
        connection.publisher.publish(vec![Arc::new(message)]).await?;
        Ok(connection.result(id))
    }

    /// Sends tasks by name, in as few round trips as the broker allows, in order.
    ///
    /// # Errors
    /// As [`Self::send`]; some of the tasks may have been sent.
    pub async fn send_raw_many(
        &self,
        calls: impl IntoIterator<Item = RawSignature>,
    ) -> Result<Vec<AsyncResult<Value>>, SendError> {
        let connection = self.connection().await?;
        let now = Timestamp::now();
        let (mut batch, mut results) = (Vec::new(), Vec::new());
        for call in calls {
            let message = self.message_of(call, now)?;
            results.push(connection.result(message.id));
            batch.push(Arc::new(message));
        }
        connection.publisher.publish(batch).await?;
        Ok(results)
    }

    fn message_of(&self, call: RawSignature, now: Timestamp) -> Result<Message, SendError> {
        let body = celeriac_core::body::encode(&celeriac_core::ContentType::Json, &call)?;
        let mut message = Message::command(Name::from(call.name.as_str()), body);
        message.queue = match call.queue {
            Some(queue) => QueueName::from(queue),
            None => self.queue_of(&call.name),
        };
        message.priority = call.priority.unwrap_or_default();
        if let Some(id) = call.id {
            message.id = id;
            message.may_repeat = true;
        }
        if call.countdown.is_some() || call.expires.is_some() {
            let rare = message.rare_mut();
            rare.eta = call.countdown.map(|delay| now.after(delay));
            rare.expires_at = call.expires.map(|after| now.after(after));
        }
        if !call.sinks.is_empty() {
            message.rare_mut().sinks = call.sinks;
        }
        Ok(message)
    }

    fn queue_of(&self, task: &str) -> QueueName {
        let registry = self.registry();
        let registered = registry.tasks.iter().find(|known| known.name.as_str() == task);
        registered.map_or(QueueName::DEFAULT, |known| known.queue())
    }
}
