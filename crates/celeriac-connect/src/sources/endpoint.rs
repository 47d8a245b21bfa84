//! What is new at an HTTP endpoint, by asking.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, Source, id_of};
use celeriac_core::{BoxFuture, ContentType, Error, ErrorKind, MessageId, Timestamp};
use hyper::header::{
    CONTENT_TYPE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use hyper::{Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Answer, Client, header};

/// The largest answer that is read: 8 MiB.
const MAX_ANSWER: usize = 8 << 20;

/// A source that asks an endpoint every so often.
///
/// Without [`pages`](Self::pages), each new content of the endpoint is one
/// document, as it is. It asks with `If-None-Match` and `If-Modified-Since`, and
/// compares contents where the endpoint knows neither.
///
/// With `pages`, an answer is JSON that holds a list of items and says where to
/// go on; each item is a document. An item's document bears the same id each
/// time that the item comes.
///
/// ```
/// use celeriac_connect::sources::Endpoint;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let rates = Endpoint::new("https://example.org/rates.json")?;
/// // {"items": [{…}, {…}], "next": "c0ffee"}, asked for with ?after=c0ffee
/// let orders = Endpoint::new("https://example.org/orders")?.pages("/items", "/next", "after");
/// # let _ = (rates, orders);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    client: Client,
    every: Duration,
    pages: Option<Pages>,
    /// Items of the latest page that were not given yet, after `place`.
    items: VecDeque<Document>,
    place: Place,
    /// Where the page says to go on.
    after_items: Place,
}

#[derive(Clone, Debug)]
struct Pages {
    items: String,
    next: String,
    parameter: String,
}

/// How far it was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    etag: Option<String>,
    last_modified: Option<String>,
    /// The id of the latest content.
    content: Option<MessageId>,
    /// Where the latest page said to go on.
    next: Option<String>,
}

impl Endpoint {
    /// A source that asks `address`.
    ///
    /// # Errors
    /// `Config` for an address that is not `http://…` or `https://…`.
    pub fn new(address: &str) -> Result<Self> {
        Ok(Self {
            client: Client::new(address)?,
            every: Duration::from_secs(60),
            pages: None,
            items: VecDeque::new(),
            place: Place::default(),
            after_items: Place::default(),
        })
    }

    /// How long it waits after an answer with nothing new. Default 1 min.
    #[must_use]
    pub const fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    /// Answers are JSON with a list at the pointer `items` (RFC 6901, such as
    /// `/items`) and, at `next`, what the query's `parameter` is to be the next
    /// time. A page without items, or that says nothing new at `next`, is asked
    /// for again later.
    #[must_use]
    pub fn pages(
        mut self,
        items: impl Into<String>,
        next: impl Into<String>,
        parameter: impl Into<String>,
    ) -> Self {
        let (items, next, parameter) = (items.into(), next.into(), parameter.into());
        self.pages = Some(Pages { items, next, parameter });
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

    async fn next(&mut self, cursor: Option<&Bytes>, max: usize) -> Result<Polled> {
        let place: Place = match cursor {
            None => Place::default(),
            Some(cursor) => serde_json::from_slice(cursor).map_err(|error| {
                let context = format!("{error}; the source had another kind: give it another name");
                Error::new(ErrorKind::Corrupt, "read an endpoint's cursor", context)
            })?,
        };
        if self.place != place {
            // What was found is asked for again.
            self.items.clear();
        }
        while self.items.is_empty() {
            self.place = place.clone();
            if !self.ask(&place).await? {
                tokio::time::sleep(self.every).await;
            }
        }
        let documents = self.items.drain(..self.items.len().min(max)).collect();
        if !self.items.is_empty() {
            return Ok(Polled { documents, cursor: None });
        }
        self.place = self.after_items.clone();
        let cursor = serde_json::to_vec(&self.place).map_err(|error| {
            Error::new(ErrorKind::Internal, "note how far an endpoint was read", error.to_string())
        })?;
        Ok(Polled { documents, cursor: Some(cursor.into()) })
    }

    /// Asks once; says whether something is new, and keeps it.
    async fn ask(&mut self, place: &Place) -> Result<bool> {
        let mut headers = HeaderMap::new();
        if let Some(etag) = &place.etag {
            headers.extend([header(IF_NONE_MATCH.as_str(), etag)?]);
        }
        if let Some(time) = &place.last_modified {
            headers.extend([header(IF_MODIFIED_SINCE.as_str(), time)?]);
        }
        let uri = self.uri(place)?;
        let sent = self.client.send(Method::GET, uri.clone(), headers, Bytes::new(), MAX_ANSWER);
        let answer = sent.await?;
        match answer.status {
            StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT => Ok(false),
            status if status.is_success() => match self.pages.clone() {
                None => Ok(self.take_content(place, &answer)),
                Some(pages) => self.take_page(place, &pages, &answer),
            },
            _ => Err(answer.error("ask", &uri)),
        }
    }

    fn uri(&self, place: &Place) -> Result<Uri> {
        let (Some(pages), Some(next)) = (&self.pages, &place.next) else {
            return Ok(self.client.uri.clone());
        };
        let uri = &self.client.uri;
        let join = if uri.query().is_some() { '&' } else { '?' };
        let text = format!("{uri}{join}{}={}", escaped(&pages.parameter), escaped(next));
        text.parse().map_err(|error| {
            Error::new(ErrorKind::Config, "ask", format!("{text}: {error}")).caused_by(error)
        })
    }

    /// The whole content is a document, if it is another than the latest.
    fn take_content(&mut self, place: &Place, answer: &Answer) -> bool {
        let text = |name| answer.headers.get(name)?.to_str().ok().map(str::to_owned);
        let content = id_of_bytes(&answer.body);
        if place.content == Some(content) {
            return false;
        }
        let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
        // The same content that comes back later is news.
        let version = format!("{content}/{:?}/{:?}", etag, place.content);
        let mut document =
            Document::json(id_of(Timestamp::from_millis(0), &version), answer.body.clone());
        document.content_type = text(CONTENT_TYPE).map_or(ContentType::Raw, |text| {
            ContentType::from(text.split(';').next().unwrap_or_default().trim())
        });
        self.items = VecDeque::from([document]);
        self.after_items = Place { etag, last_modified, content: Some(content), next: None };
        true
    }

    /// Each item of the page is a document.
    fn take_page(&mut self, place: &Place, pages: &Pages, answer: &Answer) -> Result<bool> {
        let unfit = |reason: String| {
            let context = format!("{}: {reason}", self.client.uri);
            Error::new(ErrorKind::Config, "read a page of", context)
        };
        let page: Value =
            serde_json::from_slice(&answer.body).map_err(|error| unfit(error.to_string()))?;
        let items = page.pointer(&pages.items).and_then(Value::as_array);
        let items = items.ok_or_else(|| unfit(format!("it has no list at {}", pages.items)))?;
        let next = match page.pointer(&pages.next) {
            None | Some(Value::Null) => place.next.clone(),
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        if items.is_empty() || next == place.next {
            return Ok(false);
        }
        let document = |item: &Value| {
            let body = item.to_string();
            Document::json(id_of_bytes(body.as_bytes()), body)
        };
        self.items = items.iter().map(document).collect();
        self.after_items = Place { next, ..Place::default() };
        Ok(true)
    }
}

impl Source for Endpoint {
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        max: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(self.next(cursor, max))
    }

    fn reject(&mut self) -> BoxFuture<'_, ()> {
        // Also the part of a page whose cursor is that of the whole.
        self.items.clear();
        Box::pin(std::future::ready(()))
    }
}

fn id_of_bytes(bytes: &[u8]) -> MessageId {
    id_of(Timestamp::from_millis(0), &String::from_utf8_lossy(bytes))
}

/// A query's part, percent-encoded (RFC 3986).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
