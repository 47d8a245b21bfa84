//! POSTs to an endpoint.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::sink::json;
use celeriac_core::{BoxFuture, Message, Sink};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap};

use crate::client::{Client, header};

/// What names a document to whoever takes it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const NAME: &str = "celeriac-name";
/// How many single requests make a batch: so many may be repeated after a failure.
const SINGLE: usize = 16;
/// How much of an answer is read.
const MAX_ANSWER: usize = 64 << 10;

/// A sink that POSTs each document to an endpoint: the value as the body, with
/// its content type, its id in `Idempotency-Key` and its name in
/// `Celeriac-Name`. With [`batches`](Self::batches) the body is a JSON array of
/// `{"id":…,"name":…,"at":…,"value":…}`.
///
/// Written is what was answered with 2xx. 400, 413, 422 and their like refuse a
/// document for good; after all else it is sent again: whoever takes documents
/// tells repetitions by their ids.
///
/// ```
/// use celeriac_connect::sinks::Http;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let hook = Http::new("https://example.org/results")?.header("authorization", "Bearer …")?;
/// # let _ = hook;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    /// How many documents one request carries; `None`: one, as it is.
    batch: Option<usize>,
}

impl Http {
    /// A sink that posts to `address`.
    ///
    /// # Errors
    /// `Config` for an address that is not `http://…` or `https://…`.
    pub fn new(address: &str) -> Result<Self> {
        Ok(Self { client: Client::new(address)?, batch: None })
    }

    /// Sends up to `count` documents, at least one, in one request.
    #[must_use]
    pub fn batches(mut self, count: usize) -> Self {
        self.batch = Some(count.max(1));
        self
    }

    /// Sends this header too, with every request.
    ///
    /// # Errors
    /// `Config` for what is no header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        self.client.header(name, value)?;
        Ok(self)
    }

    /// How long a request may take. Default 30 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout(timeout);
        self
    }

    async fn post_each(&mut self, batch: &[Arc<Message>]) -> Result<()> {
        for message in batch {
            let id = message.id.to_string();
            let mut headers = HeaderMap::new();
            headers.extend([
                header(IDEMPOTENCY_KEY, &id)?,
                header(NAME, &message.name.as_str().escape_default().to_string())?,
                header(CONTENT_TYPE.as_str(), message.content_type.as_str())?,
            ]);
            self.post(headers, message.body.clone()).await?;
        }
        Ok(())
    }

    async fn post_all(&mut self, batch: &[Arc<Message>]) -> Result<()> {
        let mut body = vec![b'['];
        for (position, message) in batch.iter().enumerate() {
            if position > 0 {
                body.push(b',');
            }
            json::record(message, &mut body)?;
        }
        body.push(b']');
        let mut headers = HeaderMap::new();
        headers.extend([header(CONTENT_TYPE.as_str(), "application/json")?]);
        self.post(headers, body.into()).await
    }

    async fn post(&mut self, headers: HeaderMap, body: Bytes) -> Result<()> {
        let uri = self.client.uri.clone();
        let sent = self.client.send(Method::POST, uri, headers, body, MAX_ANSWER);
        let answer = sent.await?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(answer.error("write to", &self.client.uri)),
        }
    }
}

impl Sink for Http {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match (batch, self.batch) {
                ([], _) => Ok(()),
                (batch, None) => self.post_each(batch).await,
                (batch, Some(_)) => self.post_all(batch).await,
            }
        })
    }

    fn max_batch(&self) -> usize {
        self.batch.unwrap_or(SINGLE)
    }
}
