//! Workflows as their senders see them: started, cancelled, tried again by hand.

mod cancel;
mod failed;
mod graph;
mod retry;
mod start;
mod ways;

use celeriac_core::MessageId;
use celeriac_core::workflow::Status;
use celeriac_engine::canvas::{CompileError, NotRetryable};

use crate::handle;

/// Why nothing was done, or not all of it, with a workflow.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The canvas can't be a workflow.
    #[error(transparent)]
    Canvas(#[from] CompileError),
    /// There is none of that id.
    #[error("there is no workflow {0}; it was never started here, or has been forgotten")]
    Unknown(MessageId),
    /// It is a part of another.
    #[error("the workflow {id} is a part of {whole}; name that one")]
    Part {
        /// The part.
        id: MessageId,
        /// What it is a part of.
        whole: MessageId,
    },
    /// It is in a state in which that can't be done.
    #[error("the workflow {id} is {status}; only one that is {wanted} can be {what}")]
    Status {
        /// The workflow.
        id: MessageId,
        /// Its status.
        status: Status,
        /// The status that it takes.
        wanted: Status,
        /// What was to be done.
        what: &'static str,
    },
    /// The failed step's message is not in quarantine.
    #[error(
        "no failed step waits in quarantine under the id {0}: it is being tried again already \
         (then there is nothing to do), or its message was discarded, or it failed without one \
         (then start the workflow anew); the workflow's status tells which"
    )]
    NotQuarantined(MessageId),
    /// The step can't be tried again.
    #[error(transparent)]
    NotRetryable(#[from] NotRetryable),
    /// A message was not published.
    #[error(transparent)]
    Publish(#[from] handle::Error),
}

impl From<celeriac_core::Error> for WorkflowError {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Publish(error.into())
    }
}
