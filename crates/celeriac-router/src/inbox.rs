//! The inbox: answers questions about this process.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::health::Board;
use celeriac_core::platform::{PlatformStats, TaskInfo};
use celeriac_core::{
    Broker, Consumer, ErrorKind, ExecutionPlatform, Message, MessageId, Name, QueueName, Timestamp,
};
use celeriac_engine::{Active, Stats};
use jumpstarter::{ActorSnapshot, Address, Context, Flow, System, actor, viz};
use serde::{Deserialize, Serialize};

use crate::health::{Health, Severity};
use crate::overall::Overall;
use crate::router::{Report, Router};

/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(500);
/// How many questions are taken at once.
const MAX_QUESTIONS: usize = 16;
/// The name of questions and answers on the wire.
const INSPECT: Name = Name::from_static("celeriac.inspect");

/// A question to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Is anybody there?
    Ping,
    /// What runs?
    Active,
    /// Which tasks are registered?
    Registered,
    /// What do the registered tasks take and give?
    Schemas,
    /// What has happened so far?
    Stats,
    /// How is it, by its checks, circuits and actors?
    Health,
    /// How do the circuit breakers stand?
    Circuits,
    /// Which actors are there, and in which states?
    Actors,
    /// The same as a picture: the text of a Mermaid flowchart.
    Drawing,
}

impl Question {
    /// The question as a message for a node's inbox.
    #[must_use]
    pub fn into_message(self, inbox: QueueName, reply_to: QueueName) -> Message {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut message = Message::command(INSPECT, body);
        message.queue = inbox;
        message.rare_mut().reply_to = Some(reply_to);
        message
    }
}

/// A node's answer: its name, and what was asked for as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Who answers.
    pub node: String,
    /// What was asked for.
    pub answer: serde_json::Value,
}

/// The inbox of a node.
#[must_use]
pub fn inbox_of(node: &str) -> QueueName {
    QueueName::from(format!("~inbox.{node}"))
}

/// Without it, the node works and can't be asked.
const HEALTH: Health = Health::new(Severity::Warning);

/// Whom the inbox asks.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) platform: Arc<dyn ExecutionPlatform>,
    pub(crate) router: Address<Router>,
    pub(crate) board: Board,
    /// The node's name.
    pub(crate) node: String,
}

/// Answers the questions in this process' inbox.
pub(crate) struct Inbox {
    sources: Sources,
    consumer: Option<Box<dyn Consumer>>,
    health: Health,
}

#[derive(Serialize)]
struct Counted {
    tasks: EngineStats,
    platform: PlatformStats,
    pid: u32,
}

#[derive(Serialize)]
struct EngineStats {
    received: u64,
    succeeded: u64,
    failed: u64,
    retried: u64,
    revoked: u64,
    quarantined: u64,
    replayed: u64,
    released: u64,
    put_off: u64,
    events: u64,
}

#[derive(Serialize)]
struct ActiveTask {
    id: MessageId,
    task: Name,
    queue: QueueName,
    /// The first is 1.
    attempt: u32,
    since: Timestamp,
}

#[actor]
impl Inbox {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, consumer: None, health: HEALTH }
    }

    #[started]
    async fn open(&mut self) -> Result<()> {
        let queues = vec![inbox_of(&self.sources.node)];
        let subscription = Subscription { queues, consumer: self.sources.node.clone() };
        self.consumer = Some(self.sources.broker.consume(subscription).await?);
        Ok(())
    }

    #[task]
    async fn listen(&mut self, ctx: &mut Context<Self>) -> Flow {
        let mut health = std::mem::replace(&mut self.health, HEALTH);
        let system = ctx.system().clone();
        let turn = health.attend(ctx, self.turn(system)).await;
        self.health = health;
        match turn {
            Ok(()) => Flow::Continue,
            Err(error) if error.kind() == ErrorKind::Closed => Flow::Success,
            Err(error) => {
                tracing::warn!(%error, "the inbox can't be read");
                self.consumer = None;
                Flow::Retry { after: PAUSE }
            }
        }
    }

    async fn turn(&mut self, system: System) -> Result<()> {
        let Some(consumer) = &mut self.consumer else { return self.open().await };
        let deliveries = consumer.pull(MAX_QUESTIONS).await?;
        let broker = self.sources.broker.clone();
        for delivery in deliveries {
            if let Some(answer) = self.answer(&delivery, &system).await {
                broker.publish(&[Arc::new(answer)], Limit::Exceed).await?;
            }
            let settlement = Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
            broker.settle(vec![settlement]).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, delivery: &Delivery, system: &System) -> Option<Message> {
        let question = delivery.payload.as_ref().ok()?;
        let reply_to = question.rare().reply_to.clone()?;
        let answer = match serde_json::from_slice(&question.body) {
            Ok(asked) => self.look(asked, system).await,
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        let body = serde_json::to_vec(&Answer { node: self.sources.node.clone(), answer }).ok()?;
        let mut reply = Message::command(INSPECT, Bytes::from(body));
        reply.queue = reply_to;
        reply.rare_mut().correlation_id = Some(question.id);
        Some(reply)
    }

    async fn look(&mut self, question: Question, system: &System) -> serde_json::Value {
        let value = match question {
            Question::Ping => Ok(serde_json::json!("pong")),
            Question::Registered => {
                serde_json::to_value::<&[TaskInfo]>(&self.sources.platform.tasks())
            }
            Question::Schemas => Ok(self.sources.platform.schemas().into()),
            Question::Health => {
                serde_json::to_value(Overall::of(&self.sources.board, system, Timestamp::now()))
            }
            Question::Circuits => serde_json::to_value(self.sources.board.circuits()),
            Question::Drawing => Ok(viz::tree(system).mermaid().into()),
            Question::Actors => serde_json::to_value::<Vec<ActorSnapshot>>(system.snapshot()),
            Question::Active | Question::Stats => {
                let Ok((active, stats)) = self.sources.router.ask(Report).await else {
                    return serde_json::json!({ "error": "the router has stopped" });
                };
                match question {
                    Question::Active => serde_json::to_value(active_tasks(active)),
                    _ => serde_json::to_value(self.counted(stats)),
                }
            }
        };
        value.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }))
    }

    fn counted(&self, stats: Stats) -> Counted {
        let Stats { received, succeeded, failed, retried, revoked, .. } = stats;
        let Stats { quarantined, replayed, released, put_off, events, .. } = stats;
        let tasks = EngineStats {
            received,
            succeeded,
            failed,
            retried,
            revoked,
            quarantined,
            replayed,
            released,
            put_off,
            events,
        };
        Counted { tasks, platform: self.sources.platform.stats(), pid: std::process::id() }
    }
}

fn active_tasks(active: Vec<Active>) -> Vec<ActiveTask> {
    let tasks = active.into_iter().map(|Active { id, name, queue, attempt, since }| ActiveTask {
        id,
        task: name,
        queue,
        attempt: attempt + 1,
        since,
    });
    tasks.collect()
}
