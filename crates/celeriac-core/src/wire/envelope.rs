//! The envelope, version 1: a MessagePack list of twelve.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DecodeError, VERSION};
use crate::message::Rare;
use crate::{ContentType, Kind, Message, MessageId, Name, Priority, QueueName, Timestamp};

const MAY_REPEAT: u8 = 1;
const FIELDS: u8 = 12;
/// The first byte of a MessagePack list of [`FIELDS`].
const LIST_MARKER: u8 = 0x90 | FIELDS;

/// Bytes that are written and read in place.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

#[derive(Serialize)]
struct Written<'a>(
    u8,
    Raw<'a>,
    u8,
    &'a str,
    &'a str,
    u8,
    &'a str,
    u64,
    u32,
    u8,
    Option<&'a Rare>,
    Raw<'a>,
);

#[derive(Deserialize)]
struct Read<'a>(
    serde::de::IgnoredAny,
    #[serde(borrow)] Raw<'a>,
    u8,
    &'a str,
    &'a str,
    u8,
    &'a str,
    u64,
    u32,
    u8,
    Option<Box<Rare>>,
    #[serde(borrow)] Raw<'a>,
);

/// Appends the envelope of `message` to `buffer`.
pub fn encode(message: &Message, buffer: &mut Vec<u8>) {
    let written = Written(
        VERSION,
        Raw(message.id.as_bytes()),
        message.kind as u8,
        message.name.as_str(),
        message.queue.as_str(),
        message.priority.get(),
        message.content_type.as_str(),
        message.created_at.as_millis(),
        message.attempt,
        if message.may_repeat { MAY_REPEAT } else { 0 },
        message.rare.as_deref(),
        Raw(&message.body),
    );
    let mut serializer = rmp_serde::Serializer::new(&mut *buffer);
    if let Err(error) = written.serialize(&mut serializer) {
        // Writing to memory can't fail, and every field has a MessagePack form.
        unreachable!("a message has no MessagePack form: {error}");
    }
}

/// Reads envelopes; remembers the latest names, which mostly repeat.
#[derive(Debug, Default)]
pub struct Decoder {
    name: Option<Name>,
    queue: Option<QueueName>,
}

impl Decoder {
    /// A decoder that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one envelope. The body is a slice of `bytes`, not a copy.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no message of this version.
    pub fn decode(&mut self, bytes: &Bytes) -> Result<Message, DecodeError> {
        match bytes.first_chunk::<2>() {
            Some([LIST_MARKER, VERSION]) => {}
            Some([_, version @ 2..0x80]) if bytes[0] & 0xf0 == 0x90 => {
                return Err(DecodeError::Version(*version));
            }
            _ => {
                let reason = "it does not begin as one";
                return Err(DecodeError::malformed("message", bytes, reason));
            }
        }
        let read = rmp_serde::from_slice::<Read<'_>>(bytes);
        let read = read.map_err(|error| DecodeError::malformed("message", bytes, error))?;
        self.message(bytes, read)
    }

    fn message(&mut self, bytes: &Bytes, read: Read<'_>) -> Result<Message, DecodeError> {
        let Read(
            _,
            id,
            kind,
            name,
            queue,
            priority,
            media_type,
            created_at,
            attempt,
            flags,
            rare,
            body,
        ) = read;
        let malformed = |reason: String| DecodeError::malformed("message", bytes, reason);
        let id = id.0.try_into().map_err(|_| malformed("its id has not 16 bytes".to_owned()))?;
        let kind = match kind {
            0 => Kind::Command,
            1 => Kind::Event,
            2 => Kind::Document,
            other => return Err(malformed(format!("{other} is no kind of message"))),
        };
        Ok(Message {
            id: MessageId::from_bytes(id),
            kind,
            name: remembered(&mut self.name, name),
            queue: remembered(&mut self.queue, queue),
            priority: Priority::new(priority).map_err(|error| malformed(error.to_string()))?,
            content_type: ContentType::from(media_type),
            created_at: Timestamp::from_millis(created_at),
            attempt,
            may_repeat: flags & MAY_REPEAT != 0,
            rare,
            body: bytes.slice_ref(body.0),
        })
    }
}

fn remembered<N: Clone + AsRef<str> + for<'a> From<&'a str>>(
    latest: &mut Option<N>,
    text: &str,
) -> N {
    match latest {
        Some(name) if name.as_ref() == text => name.clone(),
        _ => latest.insert(N::from(text)).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeaderValue;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn encoded(message: &Message) -> Bytes {
        let mut buffer = Vec::new();
        encode(message, &mut buffer);
        buffer.into()
    }

    fn full_message() -> Message {
        let mut message = Message::command(Name::from_static("a::b"), r#"{"args":[1]}"#);
        message.kind = Kind::Document;
        message.queue = QueueName::from("mail");
        message.priority = Priority::HIGHEST;
        message.attempt = 3;
        message.may_repeat = true;
        let rare = message.rare_mut();
        rare.eta = Some(Timestamp::from_millis(5));
        rare.deadline = Some(Timestamp::from_millis(7));
        rare.parent_id = Some(MessageId::new());
        rare.signature = Some(Bytes::from_static(b"\x00\xff"));
        rare.sinks = vec!["store".to_owned()];
        rare.retry = Some(crate::RetryPolicy::default());
        rare.time_limit = Some(Duration::from_millis(1500));
        let nested = HeaderValue::List(vec![HeaderValue::Null, HeaderValue::Float(0.5)]);
        rare.headers = BTreeMap::from([
            ("tenant".to_owned(), "acme".into()),
            ("raw".to_owned(), HeaderValue::Bytes(Bytes::from_static(&[0xff]))),
            ("nested".to_owned(), nested),
        ]);
        message
    }

    #[test]
    fn a_message_comes_back_whole() {
        for message in [Message::event(Name::from_static("e"), ""), full_message()] {
            assert_eq!(Decoder::new().decode(&encoded(&message)).unwrap(), message);
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = encoded(&full_message()).to_vec();
        bytes[1] = 9;
        assert_eq!(Decoder::new().decode(&bytes.into()), Err(DecodeError::Version(9)));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = encoded(&full_message());
        for length in 0..whole.len() {
            assert!(Decoder::new().decode(&whole.slice(..length)).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_give_an_error(bytes: Vec<u8>) {
            let _ = Decoder::new().decode(&bytes.into());
        }

        #[test]
        fn a_damaged_message_decodes_or_gives_an_error(at in 0usize..400, byte: u8) {
            let mut bytes = encoded(&full_message()).to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = Decoder::new().decode(&bytes.into());
        }
    }
}
