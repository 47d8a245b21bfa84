//! Retry by hand: what is open again when a failed step is to be tried again.

use celeriac_core::store::Reopen;
use celeriac_core::workflow::{Kind, Policy, Status, StepId, StepMark, Then};

use super::advance::{Context, Need};

/// Why a step can't be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRetryable {
    /// Something must be at hand first.
    #[error(transparent)]
    Need(#[from] Need),
    /// The step is no task.
    #[error("step {0} is a {1}; retry the task in it that failed")]
    NoTask(StepId, &'static str),
    /// The step is a callback.
    #[error("step {0} is a callback; take its message from quarantine")]
    Callback(StepId),
    /// A group that encloses it took its failure for a result.
    #[error("the group at step {0} settles failures: the workflow went on; start it anew")]
    Settled(StepId),
    /// A group that encloses it has cancelled its other members.
    #[error("the group at step {0} fails fast: its members were cancelled; start it anew")]
    FailedFast(StepId),
}

/// What is to be done in one workflow, in this order, so that a failed step
/// can be tried again: `reopen` the joins, `mark_steps`; publish the step's
/// message (from quarantine) under its [id](super::step_id) in the new epoch,
/// which is in its `workflow` header too; then `transition` to the new epoch.
///
/// Several steps can be tried again together: all is open again before the
/// first message is published. What is told late of the old epoch changes
/// nothing: joins, statuses and records refuse it.
///
/// If the workflow is a part of another, do the same there first but for the
/// message, with the step that it is a part of and the same new epoch: that of
/// the outermost workflow, and one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Joins that are open again.
    pub reopen: Vec<Reopen>,
    /// Steps whose turn is still to come again.
    pub marks: Vec<StepMark>,
}

/// What has to be open again for `step`; the context's epoch is the new one.
/// The workflow must have failed: nothing of it is under way.
///
/// # Errors
/// [`NotRetryable`] says why not.
pub fn retry(context: &Context<'_>, step: StepId) -> Result<Retry, NotRetryable> {
    let Context { workflow, epoch, graph, .. } = *context;
    let node = |step| graph.node(step).ok_or(Need::Page(step));
    let mark = |first: u32, end: u32| {
        let (first, count, status) = (StepId(first), end - first, Status::Pending);
        StepMark { workflow: workflow.id, first, count, epoch, status }
    };
    let mut retry = Retry { reopen: Vec::new(), marks: Vec::new() };
    let failed = node(step)?;
    if !matches!(failed.kind, Kind::Task { .. } | Kind::Map { .. } | Kind::Loop { .. }) {
        return Err(NotRetryable::NoTask(step, failed.kind.as_str()));
    }
    retry.marks.push(mark(step.0, failed.end.0));
    let mut step = step;
    while step != workflow.root {
        let inner = node(step)?;
        let Some(parent) = inner.parent else { break };
        let enclosing = node(parent)?;
        match inner.then {
            Then::Nothing => return Err(NotRetryable::Callback(step)),
            Then::Member { join, index } => {
                let (Kind::Group { policy, .. } | Kind::Fork { policy, .. }) = &enclosing.kind
                else {
                    break;
                };
                match policy {
                    Policy::Settle => return Err(NotRetryable::Settled(join)),
                    Policy::FailFast => return Err(NotRetryable::FailedFast(join)),
                    Policy::WaitAll => {}
                }
                retry.reopen.push(Reopen { workflow: workflow.id, join, index, epoch });
            }
            Then::Step(_) | Then::Parent => {
                // A switch's other branches stay skipped.
                if enclosing.kind == Kind::Chain && inner.end < enclosing.inner_end {
                    retry.marks.push(mark(inner.end.0, enclosing.inner_end.0));
                }
            }
            Then::End => {}
        }
        retry.marks.push(mark(parent.0, parent.0 + 1));
        if enclosing.inner_end < enclosing.end {
            retry.marks.push(mark(enclosing.inner_end.0, enclosing.end.0));
        }
        step = parent;
    }
    Ok(retry)
}
