//! Draining the disk: what waits there is published in its order, queue by
//! queue, and is gone from the disk once the broker has it.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::{Broker, Consumer, Message, Name, QueueName};
use tokio::time::timeout;

use super::desk::{Desk, repeated};
use super::is_outage;
use super::keeper::{BATCH, Keeper, Round};

/// Where messages stay on disk that the broker will not have.
const REFUSED: QueueName = QueueName::from_static("refused");
/// What stands there for one that can't be read: its bytes are the body.
const DAMAGED: Name = Name::from_static("celeriac.damaged");
/// What others hold is waited for so long, and then looked for anew.
const HELD_BY_OTHERS: Duration = Duration::from_secs(1);

impl Keeper {
    /// Publishes some of what waits on disk.
    pub(super) async fn drain(&mut self) -> Result<Round> {
        let Some(disk) = self.desk.disk.clone() else { return Ok(Round::Over) };
        // A disk that can't be read must not keep the broker from being used.
        match self.drain_from(&*disk).await {
            Err(Failure::Broker(error)) => Err(error),
            Err(Failure::Disk(error)) => {
                tracing::error!(broker = self.desk.name, %error,
                    "the backlog on disk can't be read: what is there waits for the next start");
                self.draining = None;
                Ok(Round::Over)
            }
            Ok(round) => Ok(round),
        }
    }

    async fn drain_from(&mut self, disk: &dyn Broker) -> std::result::Result<Round, Failure> {
        let consumer = match &mut self.draining {
            Some(consumer) => consumer,
            None => {
                let Some(consumer) = consumer(&self.desk, disk).await.map_err(Failure::Disk)?
                else {
                    return Ok(Round::Over);
                };
                self.draining.insert(consumer)
            }
        };
        let Ok(pulled) = timeout(HELD_BY_OTHERS, consumer.pull(BATCH)).await else {
            self.draining = None;
            return Ok(Round::More);
        };
        let deliveries = pulled.map_err(Failure::Disk)?;
        let is_last = deliveries.len() < BATCH;
        deliver(&self.desk, disk, deliveries).await?;
        if is_last {
            // Whether other queues have something is seen by a new look.
            self.draining = None;
        }
        Ok(Round::More)
    }
}

/// What takes from the queues that hold something; nothing if none does.
async fn consumer(desk: &Desk, disk: &dyn Broker) -> Result<Option<Box<dyn Consumer>>> {
    let writes = desk.state.lock().writes;
    let found = disk.queues().await?;
    let found = found.into_iter().filter(|queue| queue.name != REFUSED);
    let (mut queues, mut waiting) = (Vec::new(), 0);
    for queue in found {
        waiting += queue.ready + queue.in_flight;
        queues.push(queue.name);
    }
    {
        let mut state = desk.state.lock();
        if state.writing == 0 && state.writes == writes {
            state.on_disk = waiting;
        }
    }
    desk.room.notify_waiters();
    if queues.is_empty() {
        return Ok(None);
    }
    let consumer = format!("backlog of {}", desk.name);
    Ok(Some(disk.consume(Subscription { queues, consumer }).await?))
}

/// Publishes deliveries of the disk, then lets the disk forget them. Who
/// dies in between publishes them again: they bear `may_repeat`.
async fn deliver(
    desk: &Desk,
    disk: &dyn Broker,
    deliveries: Vec<Delivery>,
) -> std::result::Result<(), Failure> {
    let (mut batch, mut settlements) = (Vec::new(), Vec::new());
    let (mut unreadable, mut damaged_ends) = (Vec::new(), Vec::new());
    for Delivery { receipt, payload, .. } in deliveries {
        let end = Settlement { receipt, verdict: Verdict::Ack };
        match payload {
            Ok(message) => {
                settlements.push(end);
                batch.push(message);
            }
            Err(damaged) => {
                tracing::error!(id = %damaged.id, queue = %damaged.queue, reason = damaged.reason,
                    "a message of the backlog can't be read: its bytes are kept in the queue \
                     `refused`");
                let mut kept = Message::command(DAMAGED, damaged.raw);
                (kept.id, kept.queue) = (damaged.id, REFUSED);
                unreadable.push(Arc::new(kept));
                damaged_ends.push(end);
            }
        }
    }
    if !unreadable.is_empty() {
        disk.publish(&unreadable, Limit::Exceed).await.map_err(Failure::Disk)?;
        // At once: the broker may be down for long, and they come again with the rest.
        disk.settle(damaged_ends).await.map_err(Failure::Disk)?;
    }
    let batch = repeated(&batch);
    let published = desk.in_time(desk.broker.publish(&batch, Limit::Exceed)).await;
    match published {
        Ok(_) => {}
        Err(error) if error.is_retryable() || is_outage(error.kind()) => {
            return Err(Failure::Broker(error));
        }
        Err(_) => one_by_one(desk, disk, &batch).await?,
    }
    let gone = settlements.len() as u64;
    disk.settle(settlements).await.map_err(Failure::Disk)?;
    {
        let mut state = desk.state.lock();
        state.on_disk = state.on_disk.saturating_sub(gone);
    }
    desk.room.notify_waiters();
    Ok(())
}

/// Publishes each by itself: what the broker will not have stays on disk,
/// for a person, and holds up nothing else.
async fn one_by_one(
    desk: &Desk,
    disk: &dyn Broker,
    batch: &[Arc<Message>],
) -> std::result::Result<(), Failure> {
    for message in batch {
        let one = std::slice::from_ref(message);
        let Err(error) = desk.in_time(desk.broker.publish(one, Limit::Exceed)).await else {
            continue;
        };
        if error.is_retryable() {
            return Err(Failure::Broker(error));
        }
        tracing::error!(id = %message.id, queue = %message.queue, broker = desk.name, %error,
            "the broker refuses a message of the backlog: it is kept in the queue `refused`");
        let mut kept = Message::clone(message);
        kept.queue = REFUSED;
        disk.publish(&[Arc::new(kept)], Limit::Exceed).await.map_err(Failure::Disk)?;
    }
    Ok(())
}

/// Which side failed.
enum Failure {
    Broker(celeriac_core::Error),
    Disk(celeriac_core::Error),
}
