//! Results on their way from step to step: themselves, or where they are.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{StepError, StepId};
use crate::{ContentType, MessageId};

/// How the results of a join's members become one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A list in order.
    List,
    /// A list in order of `{"value": …}` and `{"error": {…}}`.
    Settled,
    /// A map by these names.
    Named(Vec<String>),
    /// As `Named`, of what `Settled` says.
    SettledNamed(Vec<String>),
}

/// A result that is too large for a message: it is read from the join.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The workflow.
    pub workflow: MessageId,
    /// Its join.
    pub join: StepId,
    /// How many members it has.
    pub width: u32,
    /// What is made of them.
    pub form: Form,
}

impl Reference {
    /// How an outcome says that its value is a reference, in JSON.
    pub const CONTENT_TYPE: &str = "application/vnd.celeriac.reference+json";
}

/// A step's result, or what goes into a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Itself.
    Inline(ContentType, Bytes),
    /// The results of a join's members.
    Joined(Reference),
}

impl Value {
    /// A value in JSON.
    #[must_use]
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self::Inline(ContentType::Json, bytes.into())
    }

    /// The value that an outcome bears: a result that is elsewhere has a
    /// content type of its own.
    #[must_use]
    pub fn from_outcome(content_type: &ContentType, bytes: &Bytes) -> Self {
        if content_type.as_str() == Reference::CONTENT_TYPE
            && let Ok(reference) = serde_json::from_slice(bytes)
        {
            return Self::Joined(reference);
        }
        Self::Inline(content_type.clone(), bytes.clone())
    }

    /// The content type and the bytes of it in an outcome.
    #[must_use]
    pub fn into_outcome(self) -> (ContentType, Bytes) {
        match self {
            Self::Inline(content_type, bytes) => (content_type, bytes),
            Self::Joined(reference) => {
                // Ids, numbers and names: they always have a JSON form.
                let bytes = serde_json::to_vec(&reference).unwrap_or_default();
                (Reference::CONTENT_TYPE.into(), bytes.into())
            }
        }
    }

    /// Its size in a message; `None` if it is elsewhere.
    #[must_use]
    pub fn bytes(&self) -> Option<usize> {
        match self {
            Self::Inline(_, bytes) => Some(bytes.len()),
            Self::Joined(_) => None,
        }
    }
}

/// How a member of a join ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// With a value.
    Value(Value),
    /// With an error.
    Error(Box<StepError>),
}

impl Member {
    /// Roughly how large it is; as large as can be if its value is elsewhere.
    #[must_use]
    pub fn weight(&self) -> u64 {
        match self {
            Self::Value(value) => value.bytes().map_or(u64::from(u32::MAX), |bytes| bytes as u64),
            Self::Error(error) => 128 + error.failure.message.len() as u64,
        }
    }

    /// Whether its value has to be read first.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Value(Value::Joined(_)))
    }

    /// Whether it failed.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}
