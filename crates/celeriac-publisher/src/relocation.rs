//! Moving a queue from one broker to another, without loss: published there,
//! then acknowledged here.

use std::time::Duration;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::{Broker as _, Consumer, Error, ErrorKind, QueueName};
use serde::Serialize;
use tokio::time::timeout;

use crate::courier::{Courier, repeated};

/// How many messages are moved at once.
const BATCH: usize = 500;
/// What others hold is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far a relocation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Messages that are on the other broker now.
    pub moved: u64,
    /// Messages that still waited at the latest look.
    pub waiting: u64,
    /// Messages that can't be read, and stay.
    pub unreadable: u64,
}

/// A queue on its way from one broker to another.
pub struct Relocation<'a> {
    from: &'a Courier,
    to: &'a Courier,
    queue: QueueName,
    consumer: Box<dyn Consumer>,
    moved: Moved,
}

impl<'a> Relocation<'a> {
    /// Begins to move what waits in `queue`.
    ///
    /// # Errors
    /// `Invalid` if both are the same; those of the broker.
    pub async fn begin(from: &'a Courier, to: &'a Courier, queue: &QueueName) -> Result<Self> {
        if from.name() == to.name() {
            let context = format!("`{}` is where `{queue}` is already", to.name());
            return Err(Error::new(ErrorKind::Invalid, "move", context));
        }
        let queues = vec![queue.clone()];
        let consumer = format!("move to {}", to.name());
        let consumer = from.consume(Subscription { queues, consumer }).await?;
        Ok(Self { from, to, queue: queue.clone(), consumer, moved: Moved::default() })
    }

    /// How far it is.
    #[must_use]
    pub const fn moved(&self) -> Moved {
        self.moved
    }

    /// Moves a batch; says whether there may be more.
    ///
    /// # Errors
    /// Those of the brokers: what is not moved for sure stays.
    pub async fn next(&mut self) -> Result<bool> {
        if self.look().await? == 0 {
            return Ok(false);
        }
        let Ok(pulled) = timeout(PATIENCE, self.consumer.pull(BATCH)).await else {
            // Others were quicker.
            return Ok(self.look().await? > 0);
        };
        let (mut batch, mut settlements) = (Vec::new(), Vec::new());
        for delivery in pulled? {
            match delivery.payload {
                Ok(message) => {
                    batch.push(message);
                    let verdict = Verdict::Ack;
                    settlements.push(Settlement { receipt: delivery.receipt, verdict });
                }
                // Held until the end, so that it does not come again and again.
                Err(_) => self.moved.unreadable += 1,
            }
        }
        let count = batch.len() as u64;
        self.to.publish(&repeated(&batch), Limit::Exceed).await?;
        self.from.settle(settlements).await?;
        self.moved.moved += count;
        self.look().await?;
        Ok(true)
    }

    async fn look(&mut self) -> Result<u64> {
        let queues = self.from.queues().await?;
        let queue = queues.iter().find(|stats| stats.name == self.queue);
        self.moved.waiting = queue.map_or(0, |stats| stats.ready);
        Ok(self.moved.waiting)
    }
}
