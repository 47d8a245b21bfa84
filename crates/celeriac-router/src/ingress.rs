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
use tokio::time::Instant;

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
/// How long a poll goes on before it counts as one that works: longer than a
/// driver may need to find out that its server does not answer, 30 s unless it
/// is told otherwise.
const WORKS: Duration = Duration::from_secs(60);

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
        let began = Instant::now();
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
                    // What goes on for so long without a failure works; before, it
                    // may be about to fail.
                    if began.elapsed() > WORKS {
                        self.pause = FIRST_PAUSE;
                        let _ = ctx.recover();
                    }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use celeriac_core::BoxFuture;
    use celeriac_embedded::Memory;
    use jumpstarter::{Event, State, System};
    use parking_lot::Mutex;

    use super::*;
    use crate::service::tireless;

    /// Finds out late that nobody answers, three times; then waits for what comes.
    #[derive(Clone, Default)]
    struct Unanswered {
        polls: Arc<Mutex<Vec<Instant>>>,
    }

    impl Unanswered {
        const TIMES: usize = 3;
        /// The limit of a request, as drivers have it.
        const LIMIT: Duration = Duration::from_secs(30);
    }

    impl Source for Unanswered {
        fn poll<'a>(&'a mut self, _: Option<&'a Bytes>, _: usize) -> BoxFuture<'a, Result<Polled>> {
            let mut polls = self.polls.lock();
            polls.push(Instant::now());
            let is_answered = polls.len() > Self::TIMES;
            Box::pin(async move {
                if is_answered {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Self::LIMIT).await;
                Err(Error::new(ErrorKind::Timeout, "poll", "as the test says"))
            })
        }
    }

    /// On the test's own thread, whose clock it can pause.
    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_slowly_is_not_healthy_meanwhile_and_waits_ever_longer() {
        let (source, memory) = (Unanswered::default(), Memory::new(Default::default()));
        let (given, system) = (source.clone(), System::new("test"));
        let mut events = system.events();
        let _address = system.spawn("source", tireless(), move || {
            let drivers = (memory.clone() as Arc<dyn Broker>, memory.clone() as Arc<dyn Store>);
            Ingress::new("source".to_owned(), Box::new(given.clone()), drivers, MessageId::new())
        });
        let mut becomes = async |wanted: State| {
            while let Some(event) = events.next().await {
                if matches!(event, Event::StateChanged { to, .. } if to == wanted) {
                    return Instant::now();
                }
            }
            panic!("it was never {wanted:?}");
        };
        let story = async {
            becomes(State::Unhealthy).await;
            becomes(State::Healthy).await
        };
        let healthy = tokio::time::timeout(Duration::from_secs(600), story).await.expect("an end");
        let polls = source.polls.lock().clone();
        assert_eq!(polls.len(), Unanswered::TIMES + 1, "no earlier than it works");
        assert!(healthy - polls[Unanswered::TIMES] > WORKS, "it might have failed again");
        for (nth, pair) in polls.windows(2).enumerate() {
            let pause = pair[1] - pair[0] - Unanswered::LIMIT;
            let least = FIRST_PAUSE * (1 << nth);
            assert!(pause >= least, "{pause:?} after failure {nth}, not {least:?}");
        }
        system.shutdown(Duration::ZERO).await;
    }
}
