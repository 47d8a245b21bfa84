//! Names of tasks, events, documents and queues: cheap to clone.
//!
//! Names known at compile time are plain static strings (no reference count
//! that two cores would fight over); others are shared.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Text);

        impl $name {
            /// A name known at compile time; cloning it costs nothing.
            #[must_use]
            pub const fn from_static(text: &'static str) -> Self {
                Self(Text::Static(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Text::Shared(text.into()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Text::Shared(text.into()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                let (left, right) = (self.as_str(), other.as_str());
                std::ptr::eq(left, right) || left == right
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.as_str().fmt(f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

name!(
    /// The name of a task, an event or a document, such as `mail::send_welcome`.
    Name
);

name!(
    /// The name of a queue.
    ///
    /// A name that begins with `~` is **transient**: the queue lives in the
    /// broker's memory only and is gone when the broker's process ends. Inboxes
    /// and replies use such queues.
    QueueName
);

impl QueueName {
    /// The queue of messages that name no other.
    pub const DEFAULT: Self = Self::from_static("default");

    /// Whether the queue lives in memory only.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.as_str().starts_with('~')
    }
}

impl Default for QueueName {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_and_shared_names_are_equal() {
        assert_eq!(Name::from_static("a.b"), Name::from("a.b"));
        assert!(Name::from("a") < Name::from_static("b"));
    }

    #[test]
    fn a_tilde_makes_a_queue_transient() {
        assert!(QueueName::from("~inbox.1").is_transient());
        assert!(!QueueName::DEFAULT.is_transient());
    }
}
