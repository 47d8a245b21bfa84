//! Ids and places that follow from others, so that what is done again is
//! recognised.

use celeriac_core::MessageId;
use celeriac_core::workflow::{Kind, StepId, Workflow};

use super::advance::Need;
use super::graph::Graph;

/// So many neighbouring steps have ids that are in no order.
const UNORDERED: u32 = 64;

/// The id of a step's message. Those of neighbouring steps are near each other,
/// so that a store need not look for a place of its own for each.
#[must_use]
pub fn step_id(workflow: MessageId, step: StepId, epoch: u32) -> MessageId {
    // Only the lower bits count; the hash tells apart what has the same ones.
    let order = (step.0 / UNORDERED) as u16;
    workflow.derive_in_order(&format!("step:{step}:{epoch}"), order)
}

/// The id of a signal; `what` says which one of the step's.
#[must_use]
pub fn signal_id(workflow: MessageId, step: StepId, epoch: u32, what: &str) -> MessageId {
    workflow.derive(&format!("signal:{step}:{epoch}:{what}"))
}

/// The id whose revocation cancels the members of a group that fails fast.
#[must_use]
pub fn scope_id(workflow: MessageId, group: StepId, epoch: u32) -> MessageId {
    workflow.derive(&format!("scope:{group}:{epoch}"))
}

/// The id of a workflow that is a part of another: of a round of a loop, of a
/// map, of what a task put in its place.
#[must_use]
pub fn part_id(workflow: MessageId, step: StepId, round: u32) -> MessageId {
    workflow.derive(&format!("part:{step}:{round}"))
}

/// The way through the nesting to a step, from the outermost workflow.
///
/// # Errors
/// [`Need::Page`] if a page of the graph is not at hand.
pub fn path_of(workflow: &Workflow, graph: &Graph, step: StepId) -> Result<Vec<String>, Need> {
    let node = |step| graph.node(step).ok_or(Need::Page(step));
    let mut inner = Vec::new();
    let mut step = step;
    while step != workflow.root {
        let child = node(step)?;
        let Some(parent) = child.parent else { break };
        let enclosing = node(parent)?;
        let callback = step.0.checked_sub(enclosing.inner_end.0);
        inner.push(match callback {
            // A stage is where its name says, and what it runs is there too.
            None if matches!(enclosing.kind, Kind::Stage { .. }) => {
                step = parent;
                continue;
            }
            None if let Kind::Stage { name, .. } = &child.kind => format!("dag[{name}]"),
            None => format!("{}[{}]", enclosing.kind.as_str(), child.position),
            Some(link) if link < enclosing.links => format!("link[{link}]"),
            Some(callback) => format!("on_error[{}]", callback - enclosing.links),
        });
        step = parent;
    }
    inner.reverse();
    let mut path = workflow.path.clone();
    path.append(&mut inner);
    Ok(path)
}
