//! The egress of one sink: writes what waits in its queue, in order.
//!
//! The queue is the sink's backlog: as durable as the broker, and nobody
//! else's. While the sink fails, what was taken goes back to the front, so that
//! nothing overtakes and another process may write it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Receipt, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::store::{Content, Quarantined, Reason};
use celeriac_core::{
    Broker, Consumer, Error, ErrorKind, Failure, Message, QueueName, Sink, Store, Timestamp,
};
use futures_util::FutureExt as _;
use jumpstarter::{Context, Flow, actor};

/// The first wait after a failure; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(30);

pub(crate) struct Egress {
    sink: Box<dyn Sink>,
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    subscription: Subscription,
    consumer: Option<Box<dyn Consumer>>,
    pause: Duration,
    is_failing: Arc<AtomicBool>,
}

#[actor]
impl Egress {
    /// `is_failing` tells others whether the sink fails at the moment.
    pub(crate) fn new(
        sink: Box<dyn Sink>,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        (queue, consumer): (QueueName, String),
        is_failing: Arc<AtomicBool>,
    ) -> Self {
        let subscription = Subscription { queues: vec![queue], consumer };
        let (consumer, pause) = (None, FIRST_PAUSE);
        Self { sink, broker, store, subscription, consumer, pause, is_failing }
    }

    #[task]
    async fn feed(&mut self, ctx: &mut Context<Self>) -> Flow {
        let turn = self.turn().await;
        let queue = &self.subscription.queues[0];
        match turn {
            Ok(()) => {
                if self.is_failing.swap(false, Relaxed) {
                    tracing::info!(%queue, "the sink works again");
                }
                self.pause = FIRST_PAUSE;
                // Refused where nothing was wrong.
                let _ = ctx.recover();
                Flow::Continue
            }
            Err(error) if error.kind() == ErrorKind::Closed => Flow::Success,
            Err(error) => {
                // What was taken goes back.
                self.consumer = None;
                let after = self.pause;
                self.pause = (after * 2).min(MAX_PAUSE);
                tracing::warn!(%error, ?after, %queue, "documents wait for their sink");
                self.is_failing.store(true, Relaxed);
                // Refused where it was reported before.
                let _ = ctx.report_problem();
                Flow::Retry { after }
            }
        }
    }

    /// Waits for documents and writes them. Dropped, it leaves them to the
    /// consumer, which gives them back.
    async fn turn(&mut self) -> Result<()> {
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            None => self.consumer.insert(self.broker.consume(self.subscription.clone()).await?),
        };
        let deliveries = consumer.pull(self.sink.max_batch().max(1)).await?;
        let (mut receipts, mut batch) = (Vec::new(), Vec::new());
        for Delivery { receipt, payload, .. } in deliveries {
            match payload {
                Ok(document) => {
                    receipts.push(receipt);
                    batch.push(document);
                }
                Err(undecodable) => {
                    let failure = Failure::new("undecodable", undecodable.reason.clone());
                    let content = Content::Undecodable(undecodable);
                    self.quarantine(content, Reason::Undecodable, failure).await?;
                    self.settle(&[receipt]).await?;
                }
            }
        }
        match write(&mut *self.sink, &batch).await {
            Ok(()) => self.settle(&receipts).await,
            Err(error) if error.kind() == ErrorKind::Invalid => {
                tracing::warn!(%error, "a sink refuses a document; they are written one by one");
                self.write_singly(&batch, &receipts).await
            }
            Err(error) => Err(error),
        }
    }

    /// Writes one document after the other. One that is refused by itself waits
    /// for a person.
    async fn write_singly(&mut self, batch: &[Arc<Message>], receipts: &[Receipt]) -> Result<()> {
        for (document, receipt) in batch.iter().zip(receipts) {
            match write(&mut *self.sink, std::slice::from_ref(document)).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Invalid => {
                    let failure = Failure::new("sink", error.to_string());
                    let content = Content::Message(document.clone());
                    self.quarantine(content, Reason::Poisonous, failure).await?;
                }
                Err(error) => return Err(error),
            }
            self.settle(&[*receipt]).await?;
        }
        Ok(())
    }

    async fn quarantine(
        &mut self,
        content: Content,
        reason: Reason,
        failure: Failure,
    ) -> Result<()> {
        tracing::warn!(id = %content.id(), %failure, "a document is put into quarantine");
        let at = Timestamp::now();
        self.store.quarantine(vec![Quarantined { content, reason, failure, at, deaths: 0 }]).await
    }

    async fn settle(&mut self, receipts: &[Receipt]) -> Result<()> {
        let done = |receipt: &Receipt| Settlement { receipt: *receipt, verdict: Verdict::Ack };
        self.broker.settle(receipts.iter().map(done).collect()).await
    }
}

/// A sink that panics over a document refuses it: one bad document must not
/// stop those behind it.
async fn write(sink: &mut dyn Sink, batch: &[Arc<Message>]) -> Result<()> {
    let written = AssertUnwindSafe(sink.write(batch)).catch_unwind().await;
    written.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let context = format!("the sink panicked: {}", text.unwrap_or("without a message"));
        Err(Error::new(ErrorKind::Invalid, "write", context))
    })
}
