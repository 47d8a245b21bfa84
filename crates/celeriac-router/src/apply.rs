//! Publish, Write, Settle: the one function that makes decisions durable.
//!
//! The order is the at-least-once guarantee. Wherever it stops (an error, a
//! dropped future, a dead process), the delivery is not settled yet, so the
//! broker gives it again; whatever was done before is done again or found done.
//!
//! Documents for sinks come before all else: each sink has a queue of its own,
//! from which it is fed however long it was down.
//!
//! Steps of workflows come next: they are recorded, what follows from that is
//! asked for, and then done in the same order as all else.

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::store::Transition;
use celeriac_core::{Broker, MessageId, Store, Timestamp};
use celeriac_engine::{Commit, Ending};

use crate::workflows::Workflows;

/// Tells workflows, publishes, then writes, then settles. What succeeded is
/// taken out of `commit`, so that calling it again after an error goes on where
/// it stopped. Where very much follows for workflows, some of `commit.told` is
/// left for the next call. Returns how many deliveries were settled.
///
/// # Errors
/// The driver's error; `commit` holds what is left to do.
///
/// # Cancel safety
/// Safe: what was under way is done again by the next call.
pub async fn apply(
    broker: &dyn Broker,
    store: &dyn Store,
    workflows: &mut Workflows,
    commit: &mut Commit,
) -> Result<usize> {
    if !commit.documents.is_empty() {
        // Once an outcome is recorded its task is not run again, so what its
        // sinks shall have is stored before.
        broker.publish(&commit.documents, Limit::Exceed).await?;
        commit.documents.clear();
    }
    if !commit.told.is_empty() {
        // A step that is recorded is told and not run again: what a retry by
        // hand needs of it is kept before.
        quarantine(store, commit).await?;
        workflows.tell(store, commit).await?;
    }
    if !commit.create.is_empty() {
        store.create(commit.create.clone()).await?;
        commit.create.clear();
    }
    if !commit.publish.is_empty() {
        broker.publish(&commit.publish, Limit::Exceed).await?;
        commit.publish.clear();
    }
    if !commit.schedule.is_empty() {
        store.schedule(&commit.schedule).await?;
        commit.schedule.clear();
    }
    quarantine(store, commit).await?;
    if !commit.mark_steps.is_empty() {
        store.mark_steps(commit.mark_steps.clone()).await?;
        commit.mark_steps.clear();
    }
    end(store, commit).await?;
    if !commit.complete.is_empty() {
        store.complete(commit.complete.clone()).await?;
        commit.complete.clear();
    }
    if !commit.mark.is_empty() {
        store.mark(commit.mark.clone()).await?;
        commit.mark.clear();
    }
    revoke(store, commit).await?;
    let settled = commit.settle.len();
    if settled > 0 {
        broker.settle(commit.settle.clone()).await?;
        commit.settle.clear();
    }
    Ok(settled)
}

async fn quarantine(store: &dyn Store, commit: &mut Commit) -> Result<()> {
    if !commit.quarantine.is_empty() {
        store.quarantine(commit.quarantine.clone()).await?;
        commit.quarantine.clear();
    }
    Ok(())
}

/// Notes how workflows ended. Whoever waits for one is told the end that was
/// noted, if another came first.
async fn end(store: &dyn Store, commit: &mut Commit) -> Result<()> {
    if commit.end.is_empty() {
        return Ok(());
    }
    let transition = |ending: &Ending| Transition {
        id: ending.workflow.id,
        epoch: ending.epoch,
        end: Some(ending.end.clone()),
        at: ending.at,
    };
    let changed = store.transition(commit.end.iter().map(transition).collect()).await?;
    let (mut completions, mut doubtful) = (Vec::new(), Vec::new());
    for (ending, changed) in commit.end.iter().zip(changed) {
        match (ending.workflow.parent.is_none(), changed) {
            (true, true) => completions.push(ending.completion()),
            (true, false) => doubtful.push(ending),
            (false, _) => {}
        }
    }
    if !doubtful.is_empty() {
        let ids: Vec<MessageId> = doubtful.iter().map(|ending| ending.workflow.id).collect();
        let records = store.workflows(&ids).await?;
        for (ending, record) in doubtful.into_iter().zip(records) {
            let Some(record) = record else { continue };
            if let (Some(end), true) = (record.end, record.epoch == ending.epoch) {
                completions.push(Ending { end, ..ending.clone() }.completion());
            }
        }
    }
    commit.end.clear();
    commit.complete.extend(completions);
    Ok(())
}

async fn revoke(store: &dyn Store, commit: &mut Commit) -> Result<()> {
    while let Some(until) = commit.revoke.last().map(|(_, until)| *until) {
        let same = |(_, other): &&(MessageId, Timestamp)| *other == until;
        let ids: Vec<MessageId> = commit.revoke.iter().filter(same).map(|(id, _)| *id).collect();
        store.revoke(&ids, until).await?;
        commit.revoke.retain(|(_, other)| *other != until);
    }
    Ok(())
}
