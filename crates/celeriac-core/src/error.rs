//! The one error of the driver wall: what failed, where, and whether to try again.

use std::error::Error as StdError;
use std::fmt;

/// What kind of thing went wrong in a driver. Drivers classify; roles react.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The other side can't be reached, or went away.
    Unreachable,
    /// The other side took too long.
    Timeout,
    /// Somebody else holds what was asked for, such as a directory.
    Busy,
    /// There is no room: the disk is full.
    NoSpace,
    /// What is stored there is not ours, or was damaged.
    Corrupt,
    /// The address or an option is wrong; a person must mend it.
    Config,
    /// The caller may not do this.
    Denied,
    /// This driver has no such ability (see [`Capability`](crate::Capability)).
    Unsupported,
    /// The request itself is wrong, such as a message over a limit.
    Invalid,
    /// The driver was closed.
    Closed,
    /// Anything else.
    Internal,
}

impl ErrorKind {
    /// Whether the same operation may succeed later without anybody's help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Busy | Self::NoSpace)
    }
}

/// An error at the driver wall.
///
/// Its text follows "failed to …": `publish to file:///data: the disk is full`.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` in `operation`; `context` says with which value, and
    /// what to do about it.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, context: impl Into<String>) -> Self {
        Self { kind, operation, context: context.into(), source: None }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same operation may succeed later without anybody's help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// What was being done, such as `publish`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// With which value it failed, and what to do about it.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.context)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The result of a driver's operation.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_failed_with_which_value() {
        let error = Error::new(ErrorKind::NoSpace, "publish", "the disk of /data is full");
        assert_eq!(error.to_string(), "publish: the disk of /data is full");
        assert!(error.is_retryable());
    }
}
