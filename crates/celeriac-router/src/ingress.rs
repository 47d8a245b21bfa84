//! The ingress of one source: publishes what it finds, then keeps its cursor.
//!
//! In this order: whoever dies in between publishes again what was published,
//! under the same ids, and the commands that follow from a document are the
//! same ones too.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::source::{Polled, Scope};
use celeriac_core::{Broker, Error, ErrorKind, Message, MessageId, Name, Source, Store, Timestamp};
use jumpstarter::{Context, Flow, actor};

use crate::cursor::Cursor;

/// How many documents are published at once.
const BATCH: usize = 256;
/// How often the lease is renewed: three times in its length.
const RENEW: Duration = Duration::from_millis(1500);
/// How long a batch waits for room in its queue before it is given back.
const ROOM: Duration = Duration::from_secs(5);
/// The first wait after a failure; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(30);

pub(crate) struct Ingress {
    name: Name,
    source: Box<dyn Source>,
    broker: Arc<dyn Broker>,
    cursor: Cursor,
    pause: Duration,
}

#[actor]
impl Ingress {
    /// `holder` is who holds the source's lease: the same one after a crash.
    pub(crate) fn new(
        name: String,
        source: Box<dyn Source>,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        holder: MessageId,
    ) -> Self {
        let cursor = Cursor::new(&name, holder, store);
        Self { name: name.into(), source, broker, cursor, pause: FIRST_PAUSE }
    }

    #[task]
    async fn feed(&mut self, ctx: &mut Context<Self>) -> Flow {
        match self.turn(ctx).await {
            Ok(()) => {
                self.pause = FIRST_PAUSE;
                // Refused where nothing was wrong.
                let _ = ctx.recover();
                Flow::Continue
            }
            Err(error) if error.kind() == ErrorKind::Closed => Flow::Success,
            Err(error) => {
                let after = self.pause;
                self.pause = (after * 2).min(MAX_PAUSE);
                tracing::warn!(%error, ?after, source = %self.name, "the source gives nothing");
                // Refused where it was reported before.
                let _ = ctx.report_problem();
                Flow::Retry { after }
            }
        }
    }

    /// Publishes what there is next, or waits for it. Cancel-safe: what was
    /// found and not kept is found again.
    async fn turn(&mut self, ctx: &mut Context<Self>) -> Result<()> {
        if self.source.scope() == Scope::One && !self.cursor.hold(Timestamp::now()).await? {
            // Another process runs it; should that die, this one goes on.
            tokio::time::sleep(RENEW).await;
            return Ok(());
        }
        let cursor = self.cursor.get().await?;
        let is_one = self.source.scope() == Scope::One;
        let mut polling = self.source.poll(cursor.as_ref(), BATCH);
        // A source may need longer than a lease lasts, or wait for longer before it
        // looks again: the poll goes on while the lease is renewed.
        let polled = loop {
            tokio::select! {
                polled = &mut polling => break polled?,
                () = tokio::time::sleep(RENEW) => {
                    if is_one && !self.cursor.hold(Timestamp::now()).await? {
                        return Ok(());
                    }
                    // What goes on without a failure works.
                    self.pause = FIRST_PAUSE;
                    let _ = ctx.recover();
                }
            }
        };
        drop(polling);
        match self.take_over(polled).await {
            Ok(()) => {
                self.source.confirm().await;
                Ok(())
            }
            Err(error) => {
                self.source.reject().await;
                Err(error)
            }
        }
    }

    async fn take_over(&mut self, Polled { documents, cursor }: Polled) -> Result<()> {
        let (now, name) = (Timestamp::now(), self.name.clone());
        let messages = documents.into_iter().map(|mut found| {
            // Two sources may find things under the same id.
            found.id = found.id.derive(name.as_str());
            Arc::new(found.into_message(name.clone(), now))
        });
        let messages: Vec<Arc<Message>> = messages.collect();
        if !messages.is_empty() {
            self.publish(messages).await?;
        }
        match cursor {
            Some(cursor) => self.cursor.keep(cursor).await,
            None => Ok(()),
        }
    }

    /// Publishes all, or fails; waits for room, so that a source is no faster
    /// than the tasks.
    async fn publish(&mut self, mut messages: Vec<Arc<Message>>) -> Result<()> {
        loop {
            let refused = self.broker.publish(&messages, Limit::Respect).await?;
            let Some(first) = refused.first() else { return Ok(()) };
            let queue = messages[*first].queue.clone();
            messages = refused.iter().map(|position| messages[*position].clone()).collect();
            let room = tokio::time::timeout(ROOM, self.broker.room(&queue)).await;
            room.unwrap_or_else(|_| {
                let context = format!("the queue {queue} had no room for {ROOM:?}");
                Err(Error::new(ErrorKind::Timeout, "publish", context))
            })?;
        }
    }

    #[stopped]
    async fn give_up(&mut self) {
        if self.source.scope() == Scope::One {
            // Where that fails, the lease ends by itself.
            let _ = self.cursor.release(Timestamp::now()).await;
        }
    }
}
