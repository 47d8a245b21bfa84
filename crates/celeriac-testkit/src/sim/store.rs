//! The store as a simulated process sees it.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Results,
    Revocations, Timers, Watch,
};
use celeriac_core::{BoxFuture, Message, MessageId, Store, Timestamp};
use parking_lot::MutexGuard;

use super::link::Link;
use super::sky::State;
use crate::faulty::Operation;

impl Link {
    pub(super) fn store(&self) -> &dyn Store {
        &*self.host.sky.store
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.host.sky.state()
    }

    /// Notes what was recorded.
    pub(super) fn completed(&self, batch: &[Completion], answer: &[bool]) {
        self.state().history.completed(batch, answer);
        self.trace(|state| outcomes(state, batch, answer));
    }

    pub(super) fn trace(&self, what: impl FnOnce(&mut State) -> String) {
        self.host.sky.note(&self.host.name, what);
    }
}

impl Results for Link {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        let call = move || async move {
            let noted = batch.clone();
            let answer = self.store().complete(batch).await?;
            self.completed(&noted, &answer);
            Ok(answer)
        };
        Box::pin(self.call(Operation::Complete, call))
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call(Operation::Mark, move || self.store().mark(batch)))
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(self.call(Operation::Entries, move || self.store().entries(ids)))
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(self.wait(Operation::Changed, move || self.store().changed(watches)))
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        let call = move || async move {
            self.store().forget(ids).await?;
            self.state().history.forgotten(ids);
            Ok(())
        };
        Box::pin(self.call(Operation::Forget, call))
    }
}

impl Revocations for Link {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        let call = move || async move {
            self.store().revoke(ids, until).await?;
            self.state().history.revoked(ids);
            self.trace(|state| {
                let ids = Vec::from_iter(ids.iter().map(|id| state.id(*id)));
                format!("revokes {}", ids.join(", "))
            });
            Ok(())
        };
        Box::pin(self.call(Operation::Revoke, call))
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(self.call(Operation::Revoked, move || self.store().revoked(ids)))
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(self.wait(Operation::Revocations, move || self.store().revocations(cursor)))
    }
}

impl Timers for Link {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        let call = move || async move {
            self.store().schedule(batch).await?;
            self.sent("schedules", batch);
            Ok(())
        };
        Box::pin(self.call(Operation::Schedule, call))
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(self.call(Operation::TakeDue, move || self.store().take_due(now, max, lease)))
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Operation::Unschedule, move || self.store().unschedule(batch)))
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(self.call(Operation::NextDue, move || self.store().next_due()))
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.wait(Operation::TimersChanged, move || self.store().timers_changed()))
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.call(Operation::Scheduled, move || self.store().scheduled()))
    }
}

impl Dedup for Link {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        let call = move || async move {
            let noted = batch.clone();
            let answer = self.store().claim(batch).await?;
            self.state().history.claimed(&noted, &answer);
            Ok(answer)
        };
        Box::pin(self.call(Operation::Claim, call))
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Operation::Confirm, move || self.store().confirm(keys)))
    }
}

impl Quarantine for Link {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call(Operation::Quarantine, move || self.store().quarantine(batch)))
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(self.call(Operation::Quarantined, move || self.store().quarantined(filter, max)))
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.call(Operation::Unquarantine, move || self.store().unquarantine(ids)))
    }
}

impl Registry for Link {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call(Operation::Announce, move || self.store().announce(node)))
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.call(Operation::Withdraw, move || self.store().withdraw(name)))
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(self.call(Operation::Nodes, move || self.store().nodes(now)))
    }
}

fn outcomes(state: &mut State, batch: &[Completion], answer: &[bool]) -> String {
    let each = batch.iter().zip(answer).map(|(completion, first)| {
        let (id, end) = (state.id(completion.id), completion.outcome.state);
        format!("{id} {end}{}", if *first { "" } else { " (too late)" })
    });
    format!("records {}", Vec::from_iter(each).join(", "))
}
