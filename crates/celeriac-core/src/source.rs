//! Sources: where documents come from. What every source owes.
//!
//! The duties are numbered in `docs/spec/source.md`; each has a case in the
//! conformance suite of `celeriac-testkit`. How documents come onto a broker,
//! and where the cursor is kept, is the router's affair.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::Result;
use crate::{BoxFuture, ContentType, HeaderValue, Kind, Message, MessageId, Name, Timestamp};

/// What a source found.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its identity: the same each time the same thing is found.
    pub id: MessageId,
    /// How the body is to be read.
    pub content_type: ContentType,
    /// The content.
    pub body: Bytes,
    /// What else is known of it, such as its path.
    pub headers: BTreeMap<String, HeaderValue>,
}

impl Document {
    /// A document in JSON.
    #[must_use]
    pub fn json(id: MessageId, body: impl Into<Bytes>) -> Self {
        let (content_type, headers) = (ContentType::Json, BTreeMap::new());
        Self { id, content_type, body: body.into(), headers }
    }

    /// The document as a message of that name. It may be published again.
    #[must_use]
    pub fn into_message(self, name: Name, now: Timestamp) -> Message {
        let mut message = Message::document(name, self.content_type, self.body);
        message.id = self.id;
        message.created_at = now;
        message.may_repeat = true;
        if !self.headers.is_empty() {
            message.rare_mut().headers = self.headers;
        }
        debug_assert_eq!(message.kind, Kind::Document);
        message
    }
}

/// The id of what a source finds under a key: the same pair gives the same id.
/// `time` is when it came to be, as far as that is known.
#[must_use]
pub fn id_of(time: Timestamp, key: &str) -> MessageId {
    MessageId::from_parts(time, 0).derive(key)
}

/// What a poll gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polled {
    /// The documents, in order; there may be none.
    pub documents: Vec<Document>,
    /// Where to go on, once they are published; `None` if that has not changed.
    pub cursor: Option<Bytes>,
}

/// In how many processes a source runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In one at a time, of all that declare it: what is found there is found
    /// by everybody.
    #[default]
    One,
    /// In each that declares it: what is found there is nobody else's.
    Each,
}

/// Where documents come from. See `docs/spec/source.md` for the numbered duties.
pub trait Source: Send + 'static {
    /// In how many processes it runs. Default: one at a time.
    fn scope(&self) -> Scope {
        Scope::One
    }

    /// Waits until there is something after `cursor` (`None`: from the start),
    /// then gives at most `max` documents of it, in order.
    ///
    /// * Asked again with the same cursor, as after a crash, it gives what it
    ///   gave, under the same ids. With the new cursor it gives what
    ///   comes after, nothing twice and nothing left out.
    /// * It is cancel-safe: a dropped future lost nothing.
    /// * It may block for short: it is called from a thread of its own.
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        max: usize,
    ) -> BoxFuture<'a, Result<Polled>>;

    /// What the latest poll gave is published, and its cursor kept: whoever
    /// waits for that is told.
    fn confirm(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// What the latest poll gave could not be published, or its cursor not be
    /// kept: whoever waits is told, and it comes again.
    fn reject(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
