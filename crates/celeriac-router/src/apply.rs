//! Publish, Write, Settle: the one function that makes decisions durable.
//!
//! The order is the at-least-once guarantee. Wherever it stops (an error, a
//! dropped future, a dead process), the delivery is not settled yet, so the
//! broker gives it again; whatever was done before is done again or found done.

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::{Broker, Store};
use celeriac_engine::Commit;

/// Publishes, then writes, then settles. What succeeded is taken out of
/// `commit`, so that calling it again after an error goes on where it stopped.
/// Returns how many deliveries were settled.
///
/// # Errors
/// The driver's error; `commit` holds what is left to do.
///
/// # Cancel safety
/// Safe: what was under way is done again by the next call.
pub async fn apply(broker: &dyn Broker, store: &dyn Store, commit: &mut Commit) -> Result<usize> {
    if !commit.publish.is_empty() {
        broker.publish(&commit.publish, Limit::Exceed).await?;
        commit.publish.clear();
    }
    if !commit.schedule.is_empty() {
        store.schedule(&commit.schedule).await?;
        commit.schedule.clear();
    }
    if !commit.quarantine.is_empty() {
        store.quarantine(commit.quarantine.clone()).await?;
        commit.quarantine.clear();
    }
    if !commit.complete.is_empty() {
        store.complete(commit.complete.clone()).await?;
        commit.complete.clear();
    }
    if !commit.mark.is_empty() {
        store.mark(commit.mark.clone()).await?;
        commit.mark.clear();
    }
    let settled = commit.settle.len();
    if settled > 0 {
        broker.settle(commit.settle.clone()).await?;
        commit.settle.clear();
    }
    Ok(settled)
}
