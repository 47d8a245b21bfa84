//! What workflows ask the store: all that was gathered, in as few calls as can be.

use std::sync::Arc;

use celeriac_core::Store;
use celeriac_core::error::Result;
use celeriac_core::workflow::{Member, StepId, Workflow};
use celeriac_engine::canvas::{Act, Said};

use super::Turn;

/// A question of a workflow.
pub(super) struct Ask {
    pub(super) workflow: Arc<Workflow>,
    pub(super) epoch: u32,
    /// [`Act::Join`] or [`Act::Collect`].
    pub(super) act: Act,
}

/// Asks, and tells each answer.
pub(super) async fn answer(store: &dyn Store, asks: Vec<Ask>) -> Result<Vec<Turn>> {
    let (mut joins, mut joining, mut turns) = (Vec::new(), Vec::new(), Vec::new());
    for Ask { workflow, epoch, act } in asks {
        match act {
            Act::Join(join) => {
                joining.push((workflow, epoch, join.join, join.index));
                joins.push(*join);
            }
            Act::Collect { join, from, count } => {
                if let Some(members) = collect(store, &workflow, join, from, count).await? {
                    turns.push(Turn { workflow, epoch, said: Said::Collected { join, members } });
                }
            }
            _ => {}
        }
    }
    if joins.is_empty() {
        return Ok(turns);
    }
    let answers = store.join(joins).await?;
    for ((workflow, epoch, join, index), answer) in joining.into_iter().zip(answers) {
        // Only who closed it goes on.
        if answer.closed_by == Some(index) {
            turns.push(Turn { workflow, epoch, said: Said::Joined { join, index, answer } });
        }
    }
    Ok(turns)
}

/// Members in order; `None` if some are not in (any more): the workflow was
/// forgotten, or is being tried again by hand.
async fn collect(
    store: &dyn Store,
    workflow: &Workflow,
    join: StepId,
    from: u32,
    count: u32,
) -> Result<Option<Vec<Member>>> {
    let mut members: Vec<Member> = Vec::with_capacity(count as usize);
    while members.len() < count as usize {
        let next = from.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
        let max = count as usize - members.len();
        let page = store.members(workflow.id, join, next, max).await?;
        let before = members.len();
        for (index, member) in page {
            if index as usize != from as usize + members.len() {
                break;
            }
            members.push(member);
        }
        if members.len() == before {
            tracing::debug!(workflow = %workflow.id, %join, "a member is not in any more");
            return Ok(None);
        }
    }
    Ok(Some(members))
}
