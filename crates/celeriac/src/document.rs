//! Documents: data that comes from outside, and who wants it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use celeriac_core::{ContentType, Message, MessageId, Name, QueueName, Timestamp, arguments, body};
use celeriac_engine::{MapError, Subscription};
use serde::Serialize;
use serde::de::value::{BytesDeserializer, Error as ValueError};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::app::App;
use crate::send::SendError;
use crate::task::Task;

/// A task that runs for each document of a name; made by
/// `task::from_document(map)`.
#[must_use = "a subscriber hears nothing until `app.subscribe_to` is given it"]
pub struct DocumentSubscriber<D> {
    subscription: Subscription,
    document: PhantomData<fn(D)>,
}

impl<D: DeserializeOwned + 'static> DocumentSubscriber<D> {
    /// A subscriber that runs `T` with arguments made of the document. `map`
    /// must be pure: it may be called more than once for a document.
    pub fn new<T: Task>(map: impl Fn(D) -> T::Args + Send + Sync + 'static) -> Self {
        let map = move |content_type: &ContentType, bytes: &[u8]| {
            let document = read::<D>(content_type, bytes)?;
            let encoded = arguments::encode(&ContentType::Json, &map(document));
            encoded.map_err(|error| MapError(error.to_string()))
        };
        let subscription = Subscription {
            name: T::NAME.to_owned(),
            task: Name::from_static(T::NAME),
            queue: QueueName::from_static(T::OPTIONS.queue),
            map: Arc::new(map),
        };
        Self { subscription, document: PhantomData }
    }

    /// Gives the subscription another name than the task's. A task that
    /// subscribes twice to documents of a name needs two; they must outlive
    /// restarts.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.subscription.name = name.into();
        self
    }
}

/// A document's body. Bytes without a codec are read as they are: as a `String`
/// where they are UTF-8, as `Bytes` in any case.
pub(crate) fn read<D: DeserializeOwned>(
    content_type: &ContentType,
    bytes: &[u8],
) -> Result<D, MapError> {
    match content_type {
        ContentType::Json | ContentType::MessagePack => {
            body::decode(content_type, bytes).map_err(|error| MapError(error.to_string()))
        }
        ContentType::Raw | ContentType::Other(_) => {
            let plain: BytesDeserializer<'_, ValueError> = bytes.into_deserializer();
            D::deserialize(plain).map_err(|error| {
                let type_name = std::any::type_name::<D>();
                MapError(format!("read {content_type} as {type_name}: {error}"))
            })
        }
    }
}

impl App {
    /// Subscribes a task to documents of a name, for workers started later:
    /// those of a [source](Self::source) of that name, and those that are
    /// [ingested](Self::ingest). Each document runs it once, durably.
    ///
    /// ```
    /// use celeriac::App;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Order { id: u64, total: f64 }
    ///
    /// #[celeriac::task]
    /// async fn bill(id: u64, total: f64) {}
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::memory()
    ///     .register(bill)
    ///     .subscribe_to("orders", bill::from_document(|order: Order| (order.id, order.total)));
    /// app.ingest("orders", &Order { id: 1, total: 9.5 }).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe_to<D>(
        self,
        name: impl Into<String>,
        subscriber: DocumentSubscriber<D>,
    ) -> Self {
        let name = Name::from(name.into());
        self.registered(|registry| registry.subscriptions.add(name, subscriber.subscription))
    }

    /// Publishes a document: every task that subscribes to its name runs once.
    /// `Ok` means that it is as durable as the broker promises.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn ingest<D: Serialize + ?Sized>(
        &self,
        name: impl Into<String>,
        document: &D,
    ) -> Result<MessageId, SendError> {
        let body = body::encode(&ContentType::Json, document)?;
        let message = Message::document(Name::from(name.into()), ContentType::Json, body);
        self.publish_document(message).await
    }

    /// As [`Self::ingest`], under an id of the sender's choice: the same document
    /// ingested again runs nothing again, as long as the outcomes are kept.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn ingest_as<D: Serialize + ?Sized>(
        &self,
        id: MessageId,
        name: impl Into<String>,
        document: &D,
    ) -> Result<MessageId, SendError> {
        let body = body::encode(&ContentType::Json, document)?;
        let found = celeriac_core::source::Document::json(id, body);
        let message = found.into_message(Name::from(name.into()), Timestamp::now());
        self.publish_document(message).await
    }

    async fn publish_document(&self, message: Message) -> Result<MessageId, SendError> {
        let (connection, id) = (self.connection().await?, message.id);
        connection.publisher.publish(vec![Arc::new(message)]).await?;
        Ok(id)
    }
}

impl<D> fmt::Debug for DocumentSubscriber<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subscription.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_without_a_codec_are_read_as_they_are() {
        let csv = ContentType::from("text/csv");
        assert_eq!(read::<String>(&csv, b"a,b").unwrap(), "a,b");
        assert_eq!(read::<bytes::Bytes>(&ContentType::Raw, b"\xff").unwrap()[..], [0xff]);
        let error = read::<String>(&ContentType::Raw, b"\xff").unwrap_err();
        assert!(error.to_string().contains("application/octet-stream"), "{error}");
        assert!(read::<u8>(&ContentType::Json, b"x").is_err());
    }
}
