//! The actor that gathers messages and publishes them in batches.

use std::sync::Arc;

use celeriac_core::broker::Limit;
use celeriac_core::outcome::Mark;
use celeriac_core::{Broker, Error, Message, State, Store, Timestamp};
use futures_util::future::join;
use jumpstarter::{Reply, actor};

/// What one publish came to: the messages that found no room, to be sent again.
pub(crate) type Published = Result<Vec<Arc<Message>>, Arc<Error>>;

/// Messages of one sender.
pub(crate) struct Publish(pub(crate) Vec<Arc<Message>>);

/// One sender who waits for an answer.
struct Waiting {
    /// Where its messages end in the batch; they begin where the one before ends.
    end: usize,
    /// Whether some of its messages went to the timers.
    scheduled: bool,
    reply: Reply<Published>,
}

pub(crate) struct Gatherer {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    batch: Vec<Arc<Message>>,
    timers: Vec<Arc<Message>>,
    waiting: Vec<Waiting>,
}

#[actor]
impl Gatherer {
    pub(crate) fn new(broker: Arc<dyn Broker>, store: Arc<dyn Store>) -> Self {
        let (batch, timers, waiting) = (Vec::new(), Vec::new(), Vec::new());
        Self { broker, store, batch, timers, waiting }
    }

    #[handler]
    fn publish(&mut self, Publish(messages): Publish, reply: Reply<Published>) {
        let scheduled_before = self.timers.len();
        if messages.iter().any(|message| message.rare().eta.is_some()) {
            let now = Timestamp::now();
            for message in messages {
                let waits = message.rare().eta.is_some_and(|eta| eta > now);
                if waits { self.timers.push(message) } else { self.batch.push(message) }
            }
        } else {
            self.batch.extend(messages);
        }
        let scheduled = self.timers.len() > scheduled_before;
        self.waiting.push(Waiting { end: self.batch.len(), scheduled, reply });
    }

    /// Publishes all that was gathered; meanwhile the next batch gathers.
    #[after_batch]
    async fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let timers = std::mem::take(&mut self.timers);
        let waiting = std::mem::take(&mut self.waiting);
        let publish = async {
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            self.broker.publish(&batch, Limit::Respect).await
        };
        let schedule = async {
            if timers.is_empty() {
                return Ok(());
            }
            self.store.schedule(&timers).await?;
            // Only for people: what waits does so whether or not it is marked.
            let _ = self.store.mark(timers.iter().map(|message| waits(message)).collect()).await;
            Ok(())
        };
        let (published, scheduled) = join(publish, schedule).await;
        answer(&batch, published.map_err(Arc::new), &scheduled.map_err(Arc::new), waiting);
    }
}

/// The mark of a message that waits for its time.
fn waits(message: &Message) -> Mark {
    let (id, attempt) = (message.id, message.attempt);
    Mark { id, state: State::Scheduled, attempt, progress: None, failure: None }
}

fn answer(
    batch: &[Arc<Message>],
    published: Result<Vec<usize>, Arc<Error>>,
    scheduled: &Result<(), Arc<Error>>,
    waiting: Vec<Waiting>,
) {
    let mut start = 0;
    for Waiting { end, scheduled: uses_timers, reply } in waiting {
        let own = start..end;
        start = end;
        let refused = match &published {
            Ok(refused) => {
                refused.iter().filter(|at| own.contains(at)).map(|at| batch[*at].clone()).collect()
            }
            // Whose messages all went to the timers does not care.
            Err(_) if own.is_empty() => Vec::new(),
            Err(error) => {
                reply.send(Err(error.clone()));
                continue;
            }
        };
        match scheduled {
            Err(error) if uses_timers => reply.send(Err(error.clone())),
            _ => reply.send(Ok(refused)),
        };
    }
}
