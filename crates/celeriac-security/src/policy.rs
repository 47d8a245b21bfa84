//! Which queues demand what.

use std::str::FromStr;

use wildmatch::WildMatch;

use crate::seal::QueueKeys;

/// What inboxes begin with, and the queues of the answers.
const INBOXES: [&str; 2] = ["~inbox.", "~reply."];

/// Whether questions to a component must be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inboxes {
    /// Unsigned, forged, repeated ones and those of unknown signers are refused.
    #[default]
    Signed,
    /// Anybody who reaches the broker may ask.
    Open,
}

impl Inboxes {
    /// The word in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Open => "open",
        }
    }
}

/// A word that is neither `signed` nor `open`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither `signed` nor `open`")]
pub struct ParseInboxesError(String);

impl FromStr for Inboxes {
    type Err = ParseInboxesError;

    fn from_str(text: &str) -> Result<Self, ParseInboxesError> {
        match text {
            "signed" => Ok(Self::Signed),
            "open" => Ok(Self::Open),
            _ => Err(ParseInboxesError(text.to_owned())),
        }
    }
}

/// Which queues demand signatures, and which encryption.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    inboxes: Inboxes,
    signed: Vec<WildMatch>,
    sealed: Vec<QueueKeys>,
}

impl Policy {
    /// Signed inboxes or open ones; no other queue demands anything.
    #[must_use]
    pub fn new(inboxes: Inboxes) -> Self {
        Self { inboxes, signed: Vec::new(), sealed: Vec::new() }
    }

    /// Queues whose names match one of `patterns` (`*` and `?`) demand signatures too.
    #[must_use]
    pub fn with_signed<'a>(mut self, patterns: impl IntoIterator<Item = &'a str>) -> Self {
        self.signed.extend(patterns.into_iter().map(WildMatch::new));
        self
    }

    /// The bodies of these queues are encrypted.
    #[must_use]
    pub fn with_sealed(mut self, keys: impl IntoIterator<Item = QueueKeys>) -> Self {
        self.sealed.extend(keys);
        self
    }

    /// Whether the queue is an inbox that demands signatures.
    #[must_use]
    pub(crate) fn is_signed_inbox(&self, queue: &str) -> bool {
        self.inboxes == Inboxes::Signed && INBOXES.iter().any(|start| queue.starts_with(start))
    }

    /// Whether messages of the queue must be signed.
    #[must_use]
    pub fn demands_signature(&self, queue: &str) -> bool {
        self.is_signed_inbox(queue) || self.signed.iter().any(|pattern| pattern.matches(queue))
    }

    /// The keys of the queue, if its bodies are encrypted.
    #[must_use]
    pub fn keys_of(&self, queue: &str) -> Option<&QueueKeys> {
        self.sealed.iter().find(|keys| keys.are_for(queue))
    }

    /// Whether a message of the queue passes as it is.
    #[must_use]
    pub(crate) fn passes(&self, queue: &str) -> bool {
        !self.demands_signature(queue) && self.keys_of(queue).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_are_signed_unless_said_otherwise() {
        let strict = Policy::default().with_signed(["pay.*"]);
        assert!(strict.demands_signature("~inbox.node-1"));
        assert!(strict.demands_signature("~reply.7"));
        assert!(strict.demands_signature("pay.card"));
        assert!(!strict.demands_signature("default"));
        assert!(strict.passes("default"));
        let open = Policy::new(Inboxes::Open);
        assert!(!open.demands_signature("~inbox.node-1"));
    }
}
