//! Ed25519 keys: the private half signs, the public half is given to others.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::Error;

/// What a public key's text begins with.
const PREFIX: &str = "celeriac-ed25519:";

/// The name of a key on the wire: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; 8]);

impl KeyId {
    pub(crate) fn of(key: &[u8]) -> Self {
        let digest = Sha256::digest(key);
        Self(std::array::from_fn(|at| digest[at]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The half of a key that others may know: with it they check signatures.
///
/// Its text form is one word: `celeriac-ed25519:` and 44 characters of base64.
///
/// ```
/// use celeriac_security::{KeyPair, PublicKey};
/// let public = KeyPair::generate().public();
/// assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key's name on the wire.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }

    /// Whether `signature` was made over `content` by the owner of this key.
    #[must_use]
    pub fn verifies(&self, content: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // Strict: refuses keys of small order, which verify many contents.
        self.0.verify_strict(content, &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason| Error::PublicKey { text: text.chars().take(24).collect(), reason };
        let encoded = text.trim().strip_prefix(PREFIX);
        let encoded = encoded.ok_or_else(|| wrong("it does not begin with `celeriac-ed25519:`"))?;
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong("what follows is no base64"))?;
        let bytes = bytes.try_into().map_err(|_| wrong("it has not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong("it is no point of Ed25519"));
        key.map(Self)
    }
}

/// A private key and its public half. It is wiped from memory when dropped,
/// and `Debug` shows its id alone.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// A fresh key from the system's source of randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// The half to give away.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `content`.
    #[must_use]
    pub fn sign(&self, content: &[u8]) -> [u8; 64] {
        self.0.sign(content).to_bytes()
    }

    pub(crate) fn to_secret_text(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    pub(crate) fn from_secret_text(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
        Some(Self(SigningKey::from_bytes(&bytes)))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_content_and_key_alone() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let signature = key.sign(b"content");
        assert!(key.public().verifies(b"content", &signature));
        assert!(!key.public().verifies(b"contenT", &signature));
        assert!(!other.public().verifies(b"content", &signature));
    }

    #[test]
    fn what_is_no_public_key_is_told_with_its_reason() {
        for (text, reason) in [
            ("ssh-ed25519 AAAA", "does not begin with"),
            ("celeriac-ed25519:%%", "no base64"),
            ("celeriac-ed25519:AAAA", "not 32 bytes"),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = KeyPair::generate();
        let shown = format!("{key:?}");
        assert!(!shown.contains(&key.to_secret_text()));
        assert_eq!(shown, format!("KeyPair({})", key.public().id()));
    }
}
