//! Records of the store: a version byte, then a MessagePack list.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Decoder, VERSION};
use crate::Timestamp;
use crate::broker::Undecodable;
use crate::outcome::{Failure, Outcome};
use crate::store::{Content, Quarantined, Reason};

/// An outcome as bytes.
#[must_use]
pub fn encode_outcome(outcome: &Outcome) -> Vec<u8> {
    write(outcome)
}

/// Reads an outcome.
///
/// # Errors
/// [`DecodeError`] when the bytes are no outcome of this version.
pub fn decode_outcome(bytes: &[u8]) -> Result<Outcome, DecodeError> {
    read("outcome", bytes)
}

#[derive(Serialize, Deserialize)]
enum StoredContent {
    Message(Bytes),
    Undecodable(Box<Undecodable>),
}

#[derive(Serialize, Deserialize)]
struct StoredQuarantined {
    content: StoredContent,
    reason: Reason,
    failure: Failure,
    at: Timestamp,
    deaths: u32,
}

/// A message in quarantine as bytes.
#[must_use]
pub fn encode_quarantined(quarantined: &Quarantined) -> Vec<u8> {
    let content = match &quarantined.content {
        Content::Message(message) => {
            let mut envelope = Vec::new();
            super::encode(message, &mut envelope);
            StoredContent::Message(envelope.into())
        }
        Content::Undecodable(undecodable) => StoredContent::Undecodable(undecodable.clone()),
    };
    write(&StoredQuarantined {
        content,
        reason: quarantined.reason,
        failure: quarantined.failure.clone(),
        at: quarantined.at,
        deaths: quarantined.deaths,
    })
}

/// Reads a message in quarantine.
///
/// # Errors
/// [`DecodeError`] when the bytes are no such record of this version.
pub fn decode_quarantined(bytes: &[u8]) -> Result<Quarantined, DecodeError> {
    let stored: StoredQuarantined = read("quarantined message", bytes)?;
    let content = match stored.content {
        StoredContent::Message(envelope) => {
            Content::Message(Decoder::new().decode(&envelope)?.into())
        }
        StoredContent::Undecodable(undecodable) => Content::Undecodable(undecodable),
    };
    let StoredQuarantined { reason, failure, at, deaths, .. } = stored;
    Ok(Quarantined { content, reason, failure, at, deaths })
}

pub(super) fn write<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    if let Err(error) = value.serialize(&mut rmp_serde::Serializer::new(&mut bytes)) {
        // Writing to memory can't fail, and every field has a MessagePack form.
        unreachable!("a record has no MessagePack form: {error}");
    }
    bytes
}

pub(super) fn read<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    match bytes {
        [VERSION, rest @ ..] => {
            rmp_serde::from_slice(rest).map_err(|error| DecodeError::malformed(what, bytes, error))
        }
        [version, ..] => Err(DecodeError::Version(*version)),
        [] => Err(DecodeError::malformed(what, bytes, "nothing is there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContentType, Message, MessageId, Name, QueueName, State};
    use proptest::prelude::*;

    #[test]
    fn outcomes_come_back_whole() {
        let now = Timestamp::now();
        let value = Bytes::from_static(b"[1]");
        for outcome in [
            Outcome::success(2, now, ContentType::Json, value),
            Outcome::failed(State::Failure, 0, now, Failure::new("io", "gone")),
        ] {
            assert_eq!(decode_outcome(&encode_outcome(&outcome)).unwrap(), outcome);
        }
    }

    #[test]
    fn quarantined_messages_come_back_whole() {
        let undecodable = Undecodable {
            id: MessageId::new(),
            queue: QueueName::DEFAULT,
            raw: Bytes::from_static(b"\xc1"),
            reason: "no".to_owned(),
        };
        for content in [
            Content::Message(Message::command(Name::from_static("t"), "body").into()),
            Content::Undecodable(Box::new(undecodable)),
        ] {
            let quarantined = Quarantined {
                content,
                reason: Reason::Poisonous,
                failure: Failure::new("k", "m"),
                at: Timestamp::now(),
                deaths: 3,
            };
            let back = decode_quarantined(&encode_quarantined(&quarantined)).unwrap();
            assert_eq!(back, quarantined);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_give_an_error(mut bytes: Vec<u8>) {
            let _ = decode_outcome(&bytes);
            bytes.insert(0, VERSION);
            let _ = decode_outcome(&bytes);
            let _ = decode_quarantined(&bytes);
        }
    }
}
