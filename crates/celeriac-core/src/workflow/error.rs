//! Why a workflow, or a part of it, failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Failure, MessageId, Name};

/// Why a part of a workflow failed: the step that failed first, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// The message of the step that failed.
    pub id: MessageId,
    /// Its task, or the kind of composition, such as `loop`.
    pub task: Name,
    /// Why.
    pub failure: Failure,
    /// The way through the nesting, outermost first: `chain[1]`, `group[3]` ….
    pub path: Vec<String>,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) at {}: {}", self.task, self.id, self.place(), self.failure)
    }
}

impl std::error::Error for StepError {}

impl StepError {
    /// The path as one text: `chain[1]/group[3]`; `/` for the whole workflow.
    #[must_use]
    pub fn place(&self) -> String {
        if self.path.is_empty() { "/".to_owned() } else { self.path.join("/") }
    }
}
