//! Sealed bodies: XChaCha20-Poly1305 under a key of the queue.
//!
//! A queue may have several keys: the first seals, all of them open, so that a
//! new key can be handed round before the old one goes. What seals a body is
//! bound to its message: a body that is moved to another does not open.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use celeriac_core::Message;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::Error;
use crate::files::{self, Secrecy};
use crate::key::KeyId;

/// The file of the queues' keys within the keyring's folder.
pub(crate) const FILE: &str = "queues.toml";
const HEADING: &str = "# The keys of queues whose bodies are encrypted; the first of each \
                       encrypts.\n# Everybody who sends to such a queue or works on it needs \
                       the same file. Keep it secret.\n";
const VERSION: u8 = 1;
const NONCE: usize = 24;
/// How many bytes longer a sealed body is.
pub const OVERHEAD: usize = 1 + 8 + NONCE + 16;

/// Why a body was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not sealed.
    #[error("its body is not encrypted, and the queue demands it")]
    Plain,
    /// Sealed by a key that is not there.
    #[error("its body is encrypted with the key {0}, which is not in queues.toml")]
    UnknownKey(KeyId),
    /// Changed on its way, or taken from another message.
    #[error("its body was changed, or belongs to another message")]
    Damaged,
}

/// One key of a queue.
#[derive(Clone)]
struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn new(secret: &[u8; 32]) -> Self {
        Self { id: KeyId::of(secret), cipher: XChaCha20Poly1305::new(secret.into()) }
    }
}

/// The keys of the queues of one pattern.
#[derive(Clone)]
pub struct QueueKeys {
    pattern: WildMatch,
    keys: Vec<Key>,
}

impl QueueKeys {
    /// The keys of the queues whose names match `pattern` (`*` and `?`); the
    /// first of them seals.
    #[must_use]
    pub fn new(pattern: &str, secrets: &[[u8; 32]]) -> Self {
        let keys = secrets.iter().map(Key::new).collect();
        Self { pattern: WildMatch::new(pattern), keys }
    }

    /// Whether they are for the queue of that name.
    #[must_use]
    pub fn are_for(&self, queue: &str) -> bool {
        self.pattern.matches(queue)
    }

    /// Seals the body of `message`.
    #[must_use]
    pub fn seal(&self, message: &Message) -> Option<Bytes> {
        let key = self.keys.first()?;
        let nonce: [u8; NONCE] = rand::random();
        let bound = bound(message);
        let payload = Payload { msg: &message.body, aad: &bound };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        let mut body = Vec::with_capacity(OVERHEAD + message.body.len());
        body.push(VERSION);
        body.extend_from_slice(&key.id.0);
        body.extend_from_slice(&nonce);
        body.extend_from_slice(&sealed);
        Some(body.into())
    }

    /// Opens the body of `message`.
    ///
    /// # Errors
    /// [`OpenError`], with its reason.
    pub fn open(&self, message: &Message) -> Result<Bytes, OpenError> {
        let (key, nonce, sealed) = parts(&message.body).ok_or(OpenError::Plain)?;
        let found = self.keys.iter().find(|one| one.id == key);
        let key = found.ok_or(OpenError::UnknownKey(key))?;
        let payload = Payload { msg: sealed, aad: &bound(message) };
        let opened = key.cipher.decrypt(&XNonce::from(nonce), payload);
        opened.map(Bytes::from).map_err(|_| OpenError::Damaged)
    }
}

impl fmt::Debug for QueueKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<KeyId> = self.keys.iter().map(|key| key.id).collect();
        f.debug_struct("QueueKeys")
            .field("pattern", &self.pattern.to_string())
            .field("keys", &ids)
            .finish()
    }
}

fn parts(body: &[u8]) -> Option<(KeyId, [u8; NONCE], &[u8])> {
    let (version, rest) = body.split_first()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    (*version == VERSION).then_some((KeyId(*key), *nonce, sealed))
}

/// What the body is bound to.
fn bound(message: &Message) -> Vec<u8> {
    let mut bound = message.id.as_bytes().to_vec();
    for text in [message.name.as_str(), message.queue.as_str(), message.content_type.as_str()] {
        bound.extend_from_slice(text.as_bytes());
        bound.push(0);
    }
    bound
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    queue: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Which queues, with `*` and `?`.
    name: String,
    /// In base64; the first seals.
    keys: Vec<String>,
}

/// The queues' keys in a keyring's folder; none if there is no such file.
///
/// # Errors
/// [`Error`] when the file can't be read, or others may read it.
pub fn load(folder: &Path) -> Result<Vec<QueueKeys>, Error> {
    let path = folder.join(FILE);
    let file = files::read::<File>(&path, Secrecy::Secret)?.unwrap_or_default();
    file.queue.iter().map(|entry| keys_of(&path, entry)).collect()
}

fn keys_of(path: &Path, entry: &Entry) -> Result<QueueKeys, Error> {
    let malformed = |what: &str| Error::Malformed {
        path: path.to_owned(),
        reason: format!("the queue `{}` {what}", entry.name),
    };
    if entry.keys.is_empty() {
        return Err(malformed("has no key"));
    }
    let secret =
        |text: &String| -> Option<[u8; 32]> { STANDARD.decode(text).ok()?.try_into().ok() };
    let secrets: Option<Vec<_>> = entry.keys.iter().map(secret).collect();
    let secrets = secrets.ok_or_else(|| malformed("has a key that is not 32 bytes in base64"))?;
    Ok(QueueKeys::new(&entry.name, &secrets))
}

/// Makes a fresh key for the queues of `pattern`, which seals from now on;
/// what the older ones sealed can still be opened. Says how many there are.
///
/// # Errors
/// [`Error`] when the file can't be read or written.
pub fn renew(folder: &Path, pattern: &str) -> Result<usize, Error> {
    let path = folder.join(FILE);
    let mut file = files::read::<File>(&path, Secrecy::Secret)?.unwrap_or_default();
    let secret = STANDARD.encode(rand::random::<[u8; 32]>());
    let at = file.queue.iter().position(|entry| entry.name == pattern).unwrap_or_else(|| {
        file.queue.push(Entry { name: pattern.to_owned(), keys: Vec::new() });
        file.queue.len() - 1
    });
    file.queue[at].keys.insert(0, secret);
    let count = file.queue[at].keys.len();
    files::write(&path, Secrecy::Secret, HEADING, &file)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use celeriac_core::{MessageId, Name, QueueName};
    use proptest::prelude::*;

    use super::*;

    fn message(body: impl Into<Bytes>) -> Message {
        Message::command(Name::from_static("pay"), body)
    }

    fn sealed(keys: &QueueKeys) -> Message {
        let plain = message("[42]");
        Message { body: keys.seal(&plain).unwrap(), ..plain }
    }

    #[test]
    fn a_sealed_body_opens_with_its_key_alone() {
        let keys = QueueKeys::new("pay*", &[[1; 32]]);
        let message = sealed(&keys);
        assert_eq!(message.body.len(), 4 + OVERHEAD);
        assert!(!message.body.windows(4).any(|bytes| bytes == b"[42]"));
        assert_eq!(keys.open(&message).unwrap(), "[42]");
        let other = QueueKeys::new("pay*", &[[2; 32]]);
        assert!(matches!(other.open(&message), Err(OpenError::UnknownKey(_))));
        let rotated = QueueKeys::new("pay*", &[[2; 32], [1; 32]]);
        assert_eq!(rotated.open(&message).unwrap(), "[42]");
    }

    #[test]
    fn a_body_is_bound_to_its_message() {
        let keys = QueueKeys::new("*", &[[1; 32]]);
        let message = sealed(&keys);
        let moved = Message { queue: QueueName::from("other"), ..message.clone() };
        assert_eq!(keys.open(&moved), Err(OpenError::Damaged));
        let renamed = Message { id: MessageId::new(), ..message };
        assert_eq!(keys.open(&renamed), Err(OpenError::Damaged));
        assert_eq!(keys.open(&self::message("[42]")), Err(OpenError::Plain));
    }

    #[test]
    fn renewing_keeps_what_opens_older_bodies() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap().is_empty());
        assert_eq!(renew(folder.path(), "pay.*").unwrap(), 1);
        let message = sealed(&load(folder.path()).unwrap()[0]);
        assert_eq!(renew(folder.path(), "pay.*").unwrap(), 2);
        let keys = load(folder.path()).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].open(&message).unwrap(), "[42]");
        assert!(keys[0].are_for("pay.now") && !keys[0].are_for("mail"));
    }

    proptest! {
        #[test]
        fn any_body_opens_or_gives_an_error(body: Vec<u8>) {
            let keys = QueueKeys::new("*", &[[1; 32]]);
            prop_assert!(keys.open(&message(body)).is_err());
        }
    }
}
