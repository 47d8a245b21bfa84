//! The broker of the owner.

use std::collections::HashMap;
use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined};
use celeriac_core::{Message, Priority, QueueName};

use super::{Disk, Owner, fault};
use crate::durable::changes::{AdvanceAll, Enqueue, Nothing};
use crate::durable::journal::Group;
use crate::hub::{Backing, HubConsumer};
use crate::live::{Admission, ColdPack, Ready, Settled, Wake};

impl Owner {
    pub(crate) async fn publish(&self, batch: &[Arc<Message>], limit: Limit) -> Result<Vec<usize>> {
        self.hub.check_open("publish")?;
        let (enqueue, refused) = self.reserve(batch, limit);
        if !enqueue.groups.is_empty() {
            self.write(enqueue).await?;
        }
        Ok(refused)
    }

    /// Reserves room; the positions of those that get none.
    fn reserve(&self, batch: &[Arc<Message>], limit: Limit) -> (Enqueue, Vec<usize>) {
        let mut wake = Wake::default();
        let admissions = self.hub.queues.lock().admit(batch, limit, &mut wake);
        drop(wake);
        // From here on the reservations belong to the change, which gives them
        // up when it is dropped.
        let (groups, refused) = group(batch, &admissions);
        (Enqueue { groups, hub: self.hub.clone() }, refused)
    }

    pub(crate) async fn advance(&self, batch: Advance) -> Result<Option<Vec<Joined>>> {
        self.hub.check_open("advance")?;
        if batch.publish.iter().any(|message| message.queue.is_transient()) {
            // What is not stored would be delivered before all else is.
            return Ok(None);
        }
        let (enqueue, _none) = self.reserve(&batch.publish, Limit::Exceed);
        self.write(AdvanceAll::new(batch, enqueue)).await
    }

    pub(crate) async fn room(&self, queue: &QueueName) -> Result<()> {
        self.hub.room(queue).await
    }

    /// A consumer that takes at most so many bytes of bodies per pull.
    pub(crate) fn consume(
        &self,
        subscription: &Subscription,
        max_bytes: usize,
    ) -> Result<HubConsumer> {
        self.hub.check_open("consume")?;
        let backing = Some(self.disk.clone() as Arc<dyn Backing>);
        let queues = &subscription.queues;
        Ok(HubConsumer::new(self.hub.clone(), backing, queues, max_bytes))
    }

    /// Deliveries of this process are about to run.
    pub(crate) fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.hub.check_open("begin")?;
        let begun = self.hub.queues.lock().begin(receipts);
        if begun.is_empty() {
            return Ok(());
        }
        let noted = self.disk.running.begin(&begun);
        noted.map_err(|error| fault::file("begin", self.hub.address.as_ref(), error))
    }

    /// Deliveries of another process are about to run.
    pub(crate) fn begin_elsewhere(&self, receipts: &[Receipt]) {
        self.hub.queues.lock().begin(receipts);
    }

    /// Deliveries reached nobody: they go back as they came.
    pub(crate) fn put_back(&self, receipts: &[Receipt]) {
        let mut settled = Settled::default();
        self.hub.queues.lock().put_back(receipts, &mut settled);
    }

    pub(crate) async fn settle(&self, batch: Vec<Settlement>) -> Result<()> {
        self.hub.check_open("settle")?;
        let mut settled = Settled::default();
        settled.acked.reserve(batch.len());
        self.hub.queues.lock().settle(&batch, &mut settled);
        self.disk.landed(&settled);
        drop(settled);
        self.disk.catch_up().await
    }

    pub(crate) fn queues(&self) -> Result<Vec<QueueStats>> {
        self.hub.check_open("queues")?;
        Ok(self.hub.queues.lock().stats())
    }

    pub(crate) async fn purge(&self, queue: &QueueName) -> Result<u64> {
        self.hub.check_open("purge")?;
        let mut wake = Wake::default();
        let (ready, cold) = self.hub.queues.lock().purge(queue, &mut wake);
        drop(wake);
        let packed: usize = cold.iter().map(|cold| cold.len()).sum();
        let purged = (ready.len() + packed) as u64;
        self.disk.discard(&ready, &cold);
        self.write(Nothing).await?;
        Ok(purged)
    }
}

impl Disk {
    fn discard(&self, ready: &[Ready], cold: &[ColdPack]) {
        let mut landed = self.landed.lock();
        for ready in ready.iter().filter(|ready| ready.place.is_stored()) {
            landed.push(ready.place.pack(), ready.place.bit());
        }
        for cold in cold {
            landed.bits.push((cold.pack, cold.waiting));
        }
    }
}

/// Messages by queue and priority, in order; and the positions of those that
/// were refused.
fn group(batch: &[Arc<Message>], admissions: &[Admission]) -> (Vec<Group>, Vec<usize>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut refused = Vec::new();
    let mut open: HashMap<(u32, Priority), usize> = HashMap::new();
    let mut latest: Option<((u32, Priority), usize)> = None;
    for (position, (message, admission)) in batch.iter().zip(admissions).enumerate() {
        let index = match admission {
            Admission::Refused => {
                refused.push(position);
                continue;
            }
            Admission::Done => continue,
            Admission::Reserved(index) => *index,
        };
        let key = (index, message.priority);
        let known = match latest {
            Some((latest_key, group)) if latest_key == key => Some(group),
            _ => open.get(&key).copied(),
        };
        let group = match known.filter(|group| !groups[*group].is_full()) {
            Some(group) => group,
            None => {
                groups.push(Group::new(message.queue.clone(), index, message.priority));
                open.insert(key, groups.len() - 1);
                groups.len() - 1
            }
        };
        groups[group].push(message.clone());
        latest = Some((key, group));
    }
    (groups, refused)
}
