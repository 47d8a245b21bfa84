//! The sink: documents become entries of a stream, one for an id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Address, BoxFuture, Error, ErrorKind, Message};
use redis::Value;

use crate::call::Call;
use crate::client::Client;
use crate::config::{self, Options, Target};
use crate::{reply, script};

const OPERATION: &str = "write to a stream";
/// The longest key that is taken for one on purpose.
const MAX_STREAM_BYTES: usize = 512;
/// How long ids are remembered, unless told otherwise.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// A sink that adds an entry for each document to a stream (`XADD`) of Redis,
/// Valkey or a cluster:
///
/// | field | what |
/// |---|---|
/// | `id` | the task's, as text |
/// | `name` | the task's |
/// | `at` | when the document was made, such as `2024-02-29T12:34:56.789Z` |
/// | `content_type` | how the value is to be read, such as `application/json` |
/// | `value` | the value's bytes, as they are |
///
/// A batch is one script, which nobody sees half done. Should the server refuse a
/// part of it, what comes before is there, and is not added again when the batch
/// is. What that is worth is the server's affair (`appendonly`). An id that was
/// written within the last hour ([`remember`](Self::remember)) is not written
/// again; it stands in a sorted set beside the stream, `{stream}:ids`. Later, who
/// reads tells repetitions by `id`. No document is refused; while the server is
/// away or has no memory left (`maxmemory`), they wait.
///
/// ```
/// use celeriac_redis::Sink;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let feed = Sink::new("rediss://shop:hunter2@cache/0", "shop:results")?.max_len(1_000_000);
/// # assert!(!format!("{feed:?}").contains("hunter2"));
/// # Ok(())
/// # }
/// ```
pub struct Sink {
    target: Target,
    stream: String,
    /// Where the ids that are remembered stand: in the stream's slot.
    ids: String,
    remembered: Duration,
    /// 0: all.
    max_len: u64,
    /// Made when the first document comes.
    client: Option<Client>,
}

impl Sink {
    /// A sink over the stream of that key, on the server (or cluster, with
    /// hosts separated by commas) at `address`:
    /// `redis://user:password@host:port/database`, or `rediss://` for TLS.
    /// Nothing is opened before the first document comes.
    ///
    /// # Errors
    /// `Config` for an address that can't be read or has parameters, which are
    /// the broker's, and for a key that is empty, has more than 512 bytes or
    /// control characters, or braces that are no hash tag.
    pub fn new(address: impl Into<Address>, stream: &str) -> Result<Self> {
        let address = address.into();
        let target = target(&address)?;
        let ids = ids_beside(stream).ok_or_else(|| {
            let context = format!(
                "stream `{}`: write a key of 1 to {MAX_STREAM_BYTES} bytes without control \
                 characters, with braces around a hash tag only, as in `{{shop}}:results`",
                stream.escape_debug()
            );
            Error::new(ErrorKind::Config, OPERATION, context)
        })?;
        let (remembered, stream) = (REMEMBERED, stream.to_owned());
        Ok(Self { target, stream, ids, remembered, max_len: 0, client: None })
    }

    /// How many entries the stream keeps, the latest ones; a few more may be
    /// there. Default all.
    #[must_use]
    pub const fn max_len(mut self, entries: u64) -> Self {
        self.max_len = entries;
        self
    }

    /// How long an id is remembered and not written again, in whole
    /// milliseconds, at least one. An id takes about 100 bytes meanwhile.
    /// Default 1 h.
    #[must_use]
    pub fn remember(mut self, time: Duration) -> Self {
        self.remembered = time.max(Duration::from_millis(1));
        self
    }

    async fn append(&mut self, batch: &[Arc<Message>]) -> Result<()> {
        let client = match &mut self.client {
            Some(client) => client,
            None => {
                // The server is asked for nothing that it would tell by itself.
                let connected = Client::connect(&self.target, Arc::new(|_| ())).await?;
                self.client.insert(connected)
            }
        };
        let window = u64::try_from(self.remembered.as_millis()).unwrap_or(u64::MAX);
        let mut call = Call::script(&script::APPEND, &self.stream)
            .arg(&self.ids)
            // A script counts in doubles.
            .arg(window.min(1 << 52))
            .arg(self.max_len.min(1 << 52));
        for document in batch {
            call.push(document.id.to_string());
            call.push(document.name.as_str());
            call.push(document.created_at.to_string());
            call.push(document.content_type.as_str());
            call.push(&document.body[..]);
        }
        match client.one(OPERATION, call).await? {
            Value::Int(_) => Ok(()),
            misfit => Err(self.misfit(misfit)),
        }
    }

    /// A key holds something else.
    fn misfit(&self, answer: Value) -> Error {
        let words = match reply::strings(answer) {
            Ok(words) => words,
            Err(error) => return error,
        };
        let word = |place: usize| String::from_utf8_lossy(words.get(place).map_or(b"", |it| it));
        let context = format!(
            "{self}: the key `{}` holds a {} and no {}; remove it, or name another stream",
            word(0),
            word(1),
            word(2)
        );
        Error::new(ErrorKind::Config, OPERATION, context)
    }
}

/// The servers of an address that says nothing of the broker's.
fn target(address: &Address) -> Result<Target> {
    let wrong = |why: &str| {
        Error::new(ErrorKind::Config, OPERATION, format!("the address `{address}` {why}"))
    };
    if !matches!(address.scheme().as_str(), "redis" | "rediss") {
        return Err(wrong("is none: use redis://user:password@host:6379/0, or rediss://"));
    }
    if address.is_redacted() {
        return Err(wrong("has `***` in place of its password: write the password"));
    }
    if address.rest().contains('?') {
        return Err(wrong("has parameters, which are for brokers and stores: leave them away"));
    }
    config::read(address, Options::default())
}

/// The key of the ids of a stream, in its slot; nothing for what is no key.
fn ids_beside(stream: &str) -> Option<String> {
    if !(1..=MAX_STREAM_BYTES).contains(&stream.len()) || stream.contains(char::is_control) {
        return None;
    }
    // What is between the first braces is what a cluster looks at.
    match stream.split_once('{') {
        None if !stream.contains('}') => Some(format!("{{{stream}}}:ids")),
        Some((_, rest)) if rest.find('}').is_some_and(|end| end > 0) => {
            Some(format!("{stream}:ids"))
        }
        _ => None,
    }
}

/// The clone has a connection of its own.
impl Clone for Sink {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            stream: self.stream.clone(),
            ids: self.ids.clone(),
            client: None,
            ..*self
        }
    }
}

impl celeriac_core::Sink for Sink {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match batch {
                [] => Ok(()),
                batch => self.append(batch).await,
            }
        })
    }
}

impl fmt::Display for Sink {
    /// Where it writes, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, stream {}", self.target.shown, self.stream)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sink").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_slot_of_their_stream() {
        assert_eq!(ids_beside("results").as_deref(), Some("{results}:ids"));
        assert_eq!(ids_beside("{shop}:results").as_deref(), Some("{shop}:results:ids"));
        assert_eq!(ids_beside("a{b}{c}").as_deref(), Some("a{b}{c}:ids"));
        for wrong in ["", "a}", "{a", "{}a", "a\n", &"x".repeat(513)] {
            assert_eq!(ids_beside(wrong), None, "{wrong}");
        }
    }
}
