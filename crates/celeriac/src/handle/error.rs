//! Why a workflow has no result.

use std::time::Duration;

use celeriac_core::MessageId;
use celeriac_core::body::DecodeError;
use celeriac_core::workflow::StepError;
use celeriac_engine::canvas::ResolveError;

use crate::connect::Error;

/// Why a workflow has no result.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowResultError {
    /// A step of it failed for good.
    #[error("the workflow {id} failed: {error}")]
    Failed {
        /// The workflow.
        id: MessageId,
        /// What failed first, why, and where in the nesting it is.
        error: Box<StepError>,
    },
    /// It was cancelled.
    #[error("the workflow {0} was cancelled")]
    Cancelled(MessageId),
    /// Nothing is known of it: it was never sent, or has expired.
    #[error("nothing is known of the workflow {0}; it may have expired")]
    Unknown(MessageId),
    /// It has not ended yet.
    #[error("the workflow {id} has not ended after {waited:?}; it goes on")]
    Timeout {
        /// The workflow.
        id: MessageId,
        /// How long the caller waited.
        waited: Duration,
    },
    /// The result is not of the type that was asked for.
    #[error("failed to read the result of the workflow {id}: {source}")]
    Decode {
        /// The workflow.
        id: MessageId,
        /// What the codec said.
        source: DecodeError,
    },
    /// The result is that of a group, and its members can't be read.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<celeriac_core::Error> for WorkflowResultError {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Store(error.into())
    }
}
