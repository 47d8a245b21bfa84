//! The rest of the owner's store.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::store::{Changes, Claim, Claimed, Filter, Node, Quarantined};
use celeriac_core::{Message, MessageId, Timestamp};

use super::Owner;
use crate::durable::changes::{
    ClaimKeys, ConfirmKeys, CountDeaths, PutAway, Revoke, Schedule, TakeOut, Unschedule,
};
use crate::durable::reader::{ReadQuarantine, ReadTimers};
use crate::hub::{SeenTimers, TakenDue};

impl Owner {
    pub(crate) async fn revoke(&self, ids: &[MessageId], until: Timestamp) -> Result<()> {
        let ids = ids.to_vec();
        self.write(Revoke { ids, until }).await
    }

    pub(crate) fn revoked(&self, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.hub.revoked(ids)
    }

    pub(crate) async fn revocations(&self, cursor: u64) -> Result<Changes> {
        self.hub.revocations(cursor).await
    }

    pub(crate) async fn schedule(&self, batch: &[Arc<Message>]) -> Result<()> {
        self.write(Schedule::new(batch)).await
    }

    /// The second of what it gives puts the messages back, unless it is told that
    /// they were delivered. So does this when it is dropped before it is ready.
    pub(crate) async fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> Result<(Vec<Arc<Message>>, TakenDue)> {
        self.hub.check_open("take_due")?;
        let taken = TakenDue::take(&self.hub, now, max, lease);
        let mut due = taken.due().to_vec();
        let on_disk = due.iter().filter(|due| due.message.is_none());
        let on_disk: Vec<MessageId> = on_disk.map(|due| due.id).collect();
        if !on_disk.is_empty() {
            // One that is gone meanwhile is not there, so both are in order.
            let mut read = self.read("take_due", ReadTimers(on_disk)).await?.into_iter().peekable();
            for due in due.iter_mut().filter(|due| due.message.is_none()) {
                due.message = read.next_if(|message| message.id == due.id);
            }
        }
        Ok((due.into_iter().filter_map(|due| due.message).collect(), taken))
    }

    /// Removes messages by id and attempt.
    pub(crate) async fn unschedule(&self, keys: Vec<(MessageId, u32)>) -> Result<()> {
        self.write(Unschedule(keys)).await
    }

    pub(crate) fn next_due(&self, seen: &SeenTimers) -> Result<Option<Timestamp>> {
        self.hub.next_due(seen)
    }

    pub(crate) async fn timers_changed(&self, seen: &SeenTimers) -> Result<()> {
        self.hub.timers_changed(seen).await
    }

    pub(crate) fn scheduled(&self) -> Result<u64> {
        self.hub.scheduled()
    }

    pub(crate) async fn claim(&self, batch: Vec<Claim>) -> Result<Vec<Claimed>> {
        self.write(ClaimKeys(batch)).await
    }

    pub(crate) async fn confirm(&self, keys: &[String]) -> Result<()> {
        self.write(ConfirmKeys(keys.to_vec())).await
    }

    pub(crate) async fn quarantine(&self, batch: Vec<Quarantined>) -> Result<()> {
        self.write(PutAway(batch)).await
    }

    pub(crate) async fn quarantined(
        &self,
        filter: &Filter,
        max: usize,
    ) -> Result<Vec<Quarantined>> {
        self.hub.check_open("quarantined")?;
        self.read("quarantined", ReadQuarantine(filter.clone(), max)).await
    }

    pub(crate) async fn unquarantine(&self, ids: &[MessageId]) -> Result<u64> {
        self.write(TakeOut(ids.to_vec())).await
    }

    pub(crate) fn announce(&self, node: Node) -> Result<()> {
        self.hub.announce(node)
    }

    pub(crate) fn withdraw(&self, name: &str) -> Result<()> {
        self.hub.withdraw(name)
    }

    pub(crate) fn nodes(&self, now: Timestamp) -> Result<Vec<Node>> {
        self.hub.nodes(now)
    }

    /// A process died while it ran these.
    pub(crate) async fn count_deaths(&self, ids: Vec<MessageId>) -> Result<()> {
        self.write(CountDeaths(ids)).await
    }
}
