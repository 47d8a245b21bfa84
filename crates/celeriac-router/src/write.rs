//! Publish, Write: the one function that makes decisions durable. The settler
//! does what comes last.
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
use celeriac_core::outcome::Completion;
use celeriac_core::store::Transition;
use celeriac_core::{Broker, MessageId, Store, Timestamp};
use celeriac_engine::canvas::{Cancelled, Noted};
use celeriac_engine::{Commit, Ending, Revoked};

use crate::workflows::Workflows;

/// Tells workflows, publishes, then writes. What succeeded is taken out of
/// `commit`, so that calling it again after an error goes on where it stopped;
/// afterwards, what `commit.settle` holds is to be settled. Where very much follows
/// for workflows, some of `commit.told` is left for the next call.
///
/// # Errors
/// The driver's error; `commit` holds what is left to do.
///
/// # Cancel safety
/// Safe: what was under way is done again by the next call.
pub async fn write(
    broker: &dyn Broker,
    store: &dyn Store,
    workflows: &mut Workflows,
    commit: &mut Commit,
) -> Result<()> {
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
        workflows.tell(broker, store, commit).await?;
    }
    if !commit.create.is_empty() {
        store.create(commit.create.clone()).await?;
        commit.create.clear();
    }
    publish(broker, store, commit).await?;
    quarantine(store, commit).await?;
    end(store, commit).await?;
    if !commit.complete.is_empty() {
        store.complete(commit.complete.clone()).await?;
        commit.complete.clear();
    }
    if !commit.mark.is_empty() {
        store.mark(commit.mark.clone()).await?;
        commit.mark.clear();
    }
    revoke(store, commit).await
}

/// Publishes, and notes statuses of steps meanwhile: nothing is decided by
/// those, so that a crash between the two is mended by what comes again.
async fn publish(broker: &dyn Broker, store: &dyn Store, commit: &mut Commit) -> Result<()> {
    let publish = async {
        match commit.publish.is_empty() {
            true => Ok(()),
            false => broker.publish(&commit.publish, Limit::Exceed).await.map(drop),
        }
    };
    let schedule = async {
        match commit.schedule.is_empty() {
            true => Ok(()),
            false => store.schedule(&commit.schedule).await,
        }
    };
    let marks = commit.mark_steps.clone();
    let mark = async {
        match marks.is_empty() {
            true => Ok(()),
            false => store.mark_steps(marks).await,
        }
    };
    let (published, scheduled, marked) = tokio::join!(publish, schedule, mark);
    if published.is_ok() {
        commit.publish.clear();
    }
    if scheduled.is_ok() {
        commit.schedule.clear();
    }
    if marked.is_ok() {
        commit.mark_steps.clear();
    }
    published.and(scheduled).and(marked)
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
    record_ends(store, completions).await?;
    commit.end.clear();
    Ok(())
}

/// Records ends under the workflows' own ids. The attempt of such an outcome is
/// the workflow's epoch: one of an earlier epoch, which came late while the
/// workflow was being tried again by hand, gives way.
async fn record_ends(store: &dyn Store, completions: Vec<Completion>) -> Result<()> {
    if completions.is_empty() {
        return Ok(());
    }
    let recorded = store.complete(completions.clone()).await?;
    let refused = completions.into_iter().zip(recorded).filter(|(_, recorded)| !recorded);
    // In the first epoch there is no earlier one.
    let refused = refused.map(|(completion, _)| completion);
    let refused = refused.filter(|completion| completion.outcome.attempt > 0);
    for completion in refused {
        // Each earlier epoch is told late at most a few times.
        while is_earlier(store, &completion).await? {
            store.forget(&[completion.id]).await?;
            store.complete(vec![completion.clone()]).await?;
        }
    }
    Ok(())
}

/// Whether what is recorded instead is of an earlier epoch.
async fn is_earlier(store: &dyn Store, completion: &Completion) -> Result<bool> {
    let entry = store.entries(&[completion.id]).await?.into_iter().next().flatten();
    let outcome = entry.and_then(|entry| entry.outcome);
    Ok(outcome.is_some_and(|outcome| outcome.attempt < completion.outcome.attempt))
}

/// Revokes scopes, and notes that the parts in them are cancelled.
async fn revoke(store: &dyn Store, commit: &mut Commit) -> Result<()> {
    while let Some(revoked) = commit.revoke.last() {
        let Revoked { scope, workflow, until } = *revoked;
        store.revoke(&[scope], until).await?;
        let mut parts = Cancelled::within(workflow, scope, Timestamp::now());
        while let Some((filter, max)) = parts.wanted() {
            let found = store.list(filter, max).await?;
            parts.give(&found);
        }
        let Noted { marks, ends } = parts.into_noted();
        if !ends.is_empty() {
            store.mark_steps(marks).await?;
            store.transition(ends).await?;
        }
        commit.revoke.pop();
    }
    Ok(())
}
