//! What workflows ask the store: all that was gathered, in as few calls as can be.

use celeriac_core::Store;
use celeriac_core::error::Result;
use celeriac_core::store::{Join, Joined};
use celeriac_core::workflow::{Member, StepId, Workflow};
use celeriac_engine::canvas::{Act, Said};

use super::{Of, Turn};

/// A question of a workflow.
pub(super) struct Ask {
    pub(super) of: Of,
    /// [`Act::Join`] or [`Act::Collect`].
    pub(super) act: Act,
}

/// A member that comes into a join: whose, into which, and as the how manieth.
pub(super) type Asked = (Of, StepId, u32);

/// Asks, and tells each answer.
pub(super) async fn answer(store: &dyn Store, asks: Vec<Ask>) -> Result<Vec<Turn>> {
    let (joins, asked, others) = joining(asks);
    let mut turns = Vec::new();
    for Ask { of, act } in others {
        let Act::Collect { join, from, count } = act else { continue };
        if let Some(members) = collect(store, &of.workflow, join, from, count).await? {
            turns.push(Turn { of, said: Said::Collected { join, members } });
        }
    }
    if !joins.is_empty() {
        turns.extend(joined(asked, store.join(joins).await?));
    }
    Ok(turns)
}

/// The members among the questions, whose they are, and the other questions.
pub(super) fn joining(asks: Vec<Ask>) -> (Vec<Join>, Vec<Asked>, Vec<Ask>) {
    let (mut joins, mut asked, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for ask in asks {
        match ask.act {
            Act::Join(join) => {
                asked.push((ask.of, join.join, join.index));
                joins.push(*join);
            }
            _ => others.push(ask),
        }
    }
    (joins, asked, others)
}

/// What is told of the answers: only who closed a join goes on.
pub(super) fn joined(asked: Vec<Asked>, answers: Vec<Joined>) -> impl Iterator<Item = Turn> {
    asked.into_iter().zip(answers).filter_map(|((of, join, index), answer)| {
        let closed_it = answer.closed_by == Some(index);
        closed_it.then_some(Turn { of, said: Said::Joined { join, index, answer } })
    })
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
