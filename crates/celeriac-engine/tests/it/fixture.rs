//! An engine with two tasks, and the words to talk to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::{Delivery, Receipt, Verdict};
use celeriac_core::platform::{Finished, RunKey, RunResult, TaskInfo, TaskKind};
use celeriac_core::{ContentType, Message, Name, QueueName, RetryPolicy, State, Timestamp};
use celeriac_engine::{Effects, Engine, Facts, Input, Limits, Subscription, Subscriptions};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_000_000);
pub(crate) const TASK: Name = Name::from_static("known");
pub(crate) const SILENT: Name = Name::from_static("silent");
pub(crate) const EVENT: Name = Name::from_static("happened");

pub(crate) fn task(name: Name, ignore_result: bool) -> TaskInfo {
    TaskInfo {
        name,
        kind: TaskKind::Async,
        queue: QueueName::DEFAULT,
        retry: RetryPolicy::default(),
        result_ttl: Duration::from_secs(60),
        ignore_result,
        sinks: Vec::new(),
    }
}

pub(crate) fn engine() -> Engine {
    let mut subscriptions = Subscriptions::default();
    for name in ["first", "second"] {
        let map = Arc::new(|_: &ContentType, body: &[u8]| match body {
            b"bad" => Err(celeriac_engine::MapError("bad body".to_owned())),
            body => Ok(Bytes::copy_from_slice(body)),
        });
        let (name, queue) = (name.to_owned(), QueueName::DEFAULT);
        subscriptions.add(EVENT, Subscription { name, task: TASK, queue, map });
    }
    Engine::new(&[task(TASK, false), task(SILENT, true)], subscriptions, Limits::default())
}

pub(crate) fn command() -> Message {
    Message::command(TASK, "{}")
}

pub(crate) fn delivery(message: impl Into<Arc<Message>>, receipt: u64) -> Delivery {
    let payload = Ok(message.into());
    Delivery { receipt: Receipt(receipt), redelivered: false, deaths: 0, payload }
}

pub(crate) fn step(engine: &mut Engine, input: Input) -> Effects {
    let mut effects = Effects::default();
    engine.step(NOW, input, &mut effects);
    effects
}

pub(crate) fn deliver(engine: &mut Engine, deliveries: Vec<Delivery>) -> Effects {
    step(engine, Input::Delivered(deliveries, Facts::default()))
}

pub(crate) fn dispatched(engine: &mut Engine, message: Message) -> RunKey {
    let effects = deliver(engine, vec![delivery(message, 1)]);
    assert_eq!(effects.begin, [Receipt(1)]);
    effects.dispatch[0].key
}

pub(crate) fn finish(engine: &mut Engine, key: RunKey, result: RunResult) -> Effects {
    step(engine, Input::Finished(vec![Finished { key, result }]))
}

/// What a commit does, in its order, as text to compare with.
pub(crate) fn told(effects: &Effects) -> Vec<String> {
    let commit = &effects.commit;
    let mut told = Vec::new();
    told.extend(effects.dispatch.iter().map(|_| "dispatch".to_owned()));
    told.extend(effects.cancel.iter().map(|_| "cancel".to_owned()));
    told.extend(commit.publish.iter().map(|message| format!("publish {}", message.name)));
    told.extend(commit.schedule.iter().map(|message| {
        let eta = message.rare().eta.unwrap_or_default();
        format!("schedule attempt {} in {:?}", message.attempt, eta.since(NOW))
    }));
    told.extend(commit.quarantine.iter().map(|entry| format!("quarantine {}", entry.reason)));
    told.extend(commit.complete.iter().map(|done| format!("complete {}", done.outcome.state)));
    told.extend(commit.mark.iter().map(|mark| format!("mark {}", mark.state)));
    told.extend(commit.settle.iter().map(|settlement| match settlement.verdict {
        Verdict::Ack => format!("ack {}", settlement.receipt.0),
        Verdict::Requeue => format!("requeue {}", settlement.receipt.0),
    }));
    told
}

pub(crate) fn success() -> RunResult {
    RunResult::Success { content_type: ContentType::Json, value: Bytes::from_static(b"1") }
}

pub(crate) fn state_of(effects: &Effects) -> State {
    effects.commit.complete[0].outcome.state
}
