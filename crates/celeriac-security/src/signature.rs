//! A signature over a message.
//!
//! It covers everything that the message says but the signature itself:
//! id, name, queue, priority, every header and the body, as the envelope of
//! `docs/spec/message.md` writes them; so that none of it can be exchanged,
//! nor the message be moved to another queue.

use celeriac_core::{Message, Timestamp, wire};

use crate::key::{KeyId, KeyPair, PublicKey};
use crate::replay::Nonce;

/// Signatures for other purposes begin otherwise, and so can't pass for one of these.
const PURPOSE: &[u8] = b"celeriac message 1\0";
const VERSION: u8 = 1;
/// Version, key, time, nonce, signature.
const LENGTH: usize = 1 + 8 + 8 + 16 + 64;

/// Who signed a message, when, and the proof of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Whose key.
    pub key: KeyId,
    /// When, by the signer's clock.
    pub signed_at: Timestamp,
    /// Used for this signature only.
    pub nonce: Nonce,
    proof: [u8; 64],
}

impl Signature {
    /// Signs `message`, which bears no signature yet.
    #[must_use]
    pub fn over(message: &Message, key: &KeyPair, now: Timestamp) -> Self {
        let nonce = rand::random();
        let proof = key.sign(&content(message, now, nonce));
        Self { key: key.public().id(), signed_at: now, nonce, proof }
    }

    /// Whether the owner of `key` made this signature over `message`, which
    /// was taken out of it.
    #[must_use]
    pub fn holds(&self, message: &Message, key: &PublicKey) -> bool {
        key.verifies(&content(message, self.signed_at, self.nonce), &self.proof)
    }

    /// The 97 bytes of the header `signature`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.signed_at.as_millis().to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.proof);
        bytes
    }

    /// Reads the header; nothing if it is no signature of this version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (signed_at, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let proof = rest.try_into().ok()?;
        let signed_at = Timestamp::from_millis(u64::from_be_bytes(*signed_at));
        (*version == VERSION).then_some(Self { key: KeyId(*key), signed_at, nonce: *nonce, proof })
    }
}

fn content(message: &Message, signed_at: Timestamp, nonce: Nonce) -> Vec<u8> {
    let mut content = Vec::with_capacity(256 + message.body.len());
    content.extend_from_slice(PURPOSE);
    content.extend_from_slice(&signed_at.as_millis().to_be_bytes());
    content.extend_from_slice(&nonce);
    // Not covered: who carries a message says it when a publish ended in doubt.
    if message.may_repeat {
        wire::encode(&Message { may_repeat: false, ..message.clone() }, &mut content);
    } else {
        wire::encode(message, &mut content);
    }
    content
}

#[cfg(test)]
mod tests {
    use celeriac_core::{HeaderValue, Name, Priority, QueueName};
    use proptest::prelude::*;

    use super::*;

    fn message() -> Message {
        let mut message = Message::command(Name::from_static("pay"), "[1]");
        message.rare_mut().headers.insert("tenant".to_owned(), HeaderValue::from("acme"));
        message
    }

    #[test]
    fn every_part_of_a_message_is_covered() {
        let (key, message) = (KeyPair::generate(), message());
        let signature = Signature::over(&message, &key, Timestamp::from_millis(5));
        assert!(signature.holds(&message, &key.public()));
        let changes: [fn(&mut Message); 7] = [
            |message| message.id = celeriac_core::MessageId::new(),
            |message| message.name = Name::from_static("refund"),
            |message| message.queue = QueueName::from("other"),
            |message| message.priority = Priority::HIGHEST,
            |message| message.attempt += 1,
            |message| message.body = "[2]".into(),
            |message| message.rare_mut().headers.clear(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut changed = message.clone();
            change(&mut changed);
            assert!(!signature.holds(&changed, &key.public()), "change {at} is not covered");
        }
        let carried = Message { may_repeat: true, ..message.clone() };
        assert!(signature.holds(&carried, &key.public()), "who carries it may mark it");
        let later = Signature { signed_at: Timestamp::from_millis(6), ..signature.clone() };
        assert!(!later.holds(&message, &key.public()));
        let again = Signature { nonce: [7; 16], ..signature };
        assert!(!again.holds(&message, &key.public()));
    }

    #[test]
    fn the_header_comes_back() {
        let signature =
            Signature::over(&message(), &KeyPair::generate(), Timestamp::from_millis(1));
        assert_eq!(signature.to_bytes().len(), LENGTH);
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Some(signature));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_signature_or_none(bytes: Vec<u8>) {
            let _ = Signature::from_bytes(&bytes);
        }
    }
}
