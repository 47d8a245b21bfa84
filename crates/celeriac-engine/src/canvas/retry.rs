//! Retry by hand: what is open again when a failed step is to be tried again.

use std::collections::BTreeSet;

use celeriac_core::store::Reopen;
use celeriac_core::workflow::{Feed, Kind, Policy, Status, StepId, StepMark, Then};

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
    /// What encloses it, or itself, took its failure for a result.
    #[error("step {0} settles failures: the workflow went on; start it anew")]
    Settled(StepId),
    /// What encloses it has cancelled its other members.
    #[error("step {0} fails fast: what was in it was cancelled; start it anew")]
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
        if let Kind::Stage { .. } = inner.kind {
            open_after(context, step, parent, &mut retry)?;
        }
        match inner.then {
            Then::Nothing => return Err(NotRetryable::Callback(step)),
            Then::Member { join, index } => {
                let (Kind::Group { policy, .. } | Kind::Fork { policy, .. }) = &enclosing.kind
                else {
                    break;
                };
                waits_for_all(*policy, join)?;
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

/// A failure can be taken back only from what has waited for all.
const fn waits_for_all(policy: Policy, join: StepId) -> Result<(), NotRetryable> {
    match policy {
        Policy::Settle => Err(NotRetryable::Settled(join)),
        Policy::FailFast => Err(NotRetryable::FailedFast(join)),
        Policy::WaitAll => Ok(()),
    }
}

/// A stage's error went on to all that need it: it is taken back from every join
/// on the way, and their turn is still to come.
fn open_after(
    context: &Context<'_>,
    stage: StepId,
    dag: StepId,
    retry: &mut Retry,
) -> Result<(), NotRetryable> {
    let Context { workflow, epoch, graph, .. } = *context;
    let node = |step| graph.node(step).ok_or(Need::Page(step));
    let Kind::Dag { policy, outputs, .. } = &node(dag)?.kind else { return Ok(()) };
    waits_for_all(*policy, dag)?;
    let (mut seen, mut open) = (BTreeSet::from([stage, dag]), vec![stage]);
    while let Some(stage) = open.pop() {
        let Kind::Stage { feeds, settle, .. } = &node(stage)?.kind else { continue };
        if *settle {
            return Err(NotRetryable::Settled(stage));
        }
        for Feed { to: join, index } in feeds.iter().copied() {
            let fed = node(join)?;
            let gathers = match &fed.kind {
                Kind::Stage { needs, .. } => needs.len() > 1,
                _ => outputs.len() > 1,
            };
            if gathers {
                retry.reopen.push(Reopen { workflow: workflow.id, join, index, epoch });
            }
            if seen.insert(join) {
                let (first, count) = (join, fed.end.0 - join.0);
                let status = Status::Pending;
                retry.marks.push(StepMark { workflow: workflow.id, first, count, epoch, status });
                open.push(join);
            }
        }
    }
    Ok(())
}
