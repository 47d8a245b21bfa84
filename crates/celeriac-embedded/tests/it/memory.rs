//! The broker and store in memory.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Limit, Receipt, Settlement, Subscription, Verdict};
use celeriac_core::outcome::{Completion, Mark};
use celeriac_core::store::{
    Claim, Claimed, Content, Dedup, Filter, Node, Quarantine, Quarantined, Reason, Registry,
    Results, Revocations, Timers, Watch,
};
use celeriac_core::{
    Broker, Consumer, ContentType, ErrorKind, Failure, Message, MessageId, Name, Outcome, Priority,
    QueueName, State, Timestamp,
};
use celeriac_embedded::{Memory, Options};

fn message(queue: &str, body: &str) -> Arc<Message> {
    let mut message = Message::command(Name::from_static("t"), body.to_owned());
    message.queue = queue.into();
    message.into()
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let body = |delivery: &Delivery| {
        let message = delivery.payload.as_ref().unwrap();
        String::from_utf8(message.body.to_vec()).unwrap()
    };
    deliveries.iter().map(body).collect()
}

async fn consume(broker: &Memory, queues: &[&str]) -> Box<dyn Consumer> {
    let queues = queues.iter().map(|name| QueueName::from(*name)).collect();
    let consumer = "test".to_owned();
    let subscription = Subscription { queues, consumer };
    broker.consume(subscription).await.unwrap()
}

fn settlements(deliveries: &[Delivery], verdict: Verdict) -> Vec<Settlement> {
    let settlement = |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict };
    deliveries.iter().map(settlement).collect()
}

#[tokio::test]
async fn a_queue_refuses_what_is_above_its_limit_and_offers_room_again() {
    let options = Options { queue_limit: 2, ..Options::default() };
    let broker = Memory::new(options);
    let batch = ["a", "b", "c"].map(|body| message("q", body));
    assert_eq!(broker.publish(&batch, Limit::Respect).await.unwrap(), [2]);
    assert!(broker.publish(&batch[..1], Limit::Exceed).await.unwrap().is_empty());

    let queue = QueueName::from("q");
    let mut consumer = consume(&broker, &["q"]).await;
    let (room, pulled) = tokio::join!(broker.room(&queue), consumer.pull(2));
    room.unwrap();
    assert_eq!(bodies(&pulled.unwrap()), ["a", "b"]);
    assert_eq!(broker.publish(&batch[1..], Limit::Respect).await.unwrap(), [1]);
}

#[tokio::test]
async fn what_a_dropped_consumer_held_comes_again_in_order() {
    let broker = Memory::new(Options::default());
    let batch = ["a", "b", "c"].map(|body| message("q", body));
    broker.publish(&batch, Limit::Respect).await.unwrap();
    let mut first = consume(&broker, &["q"]).await;
    let mut second = consume(&broker, &["q"]).await;
    let held = first.pull(2).await.unwrap();
    broker.settle(settlements(&held[..1], Verdict::Ack)).await.unwrap();
    assert_eq!(broker.queues().await.unwrap()[0].in_flight, 1);
    drop(first);
    let again = second.pull(9).await.unwrap();
    assert_eq!(bodies(&again), ["b", "c"]);
    assert_eq!((again[0].redelivered, again[1].redelivered), (true, false));

    broker.settle(settlements(&held, Verdict::Ack)).await.unwrap();
    let unknown = Settlement { receipt: Receipt(u64::MAX), verdict: Verdict::Requeue };
    broker.settle(vec![unknown]).await.unwrap();
    assert_eq!(broker.queues().await.unwrap()[0].in_flight, 2, "old receipts mean nothing");
}

#[tokio::test]
async fn queues_are_served_in_turn() {
    let broker = Memory::new(Options::default());
    let many: Vec<_> = (0..100).map(|_| message("large", "l")).collect();
    broker.publish(&many, Limit::Respect).await.unwrap();
    broker.publish(&[message("small", "s")], Limit::Respect).await.unwrap();
    let mut consumer = consume(&broker, &["large", "small"]).await;
    let pulled = consumer.pull(10).await.unwrap();
    assert_eq!(pulled.len(), 10);
    assert!(bodies(&pulled).contains(&"s".to_owned()));
    let names: Vec<_> = broker.queues().await.unwrap();
    assert_eq!((names[0].name.as_str(), names[1].name.as_str()), ("large", "small"));
    assert_eq!(broker.purge(&"large".into()).await.unwrap(), 91);
}

#[tokio::test]
async fn a_waiting_consumer_wakes_and_a_dropped_pull_took_nothing() {
    let broker = Memory::new(Options::default());
    let mut consumer = consume(&broker, &["q", "r"]).await;
    {
        let mut pull = consumer.pull(1);
        assert!(futures_poll_once(&mut pull).is_none());
    }
    let urgent = {
        let mut urgent = (*message("r", "urgent")).clone();
        urgent.priority = Priority::HIGHEST;
        Arc::new(urgent)
    };
    let batch = [message("r", "usual"), urgent];
    let (pulled, published) =
        tokio::join!(consumer.pull(5), broker.publish(&batch, Limit::Respect));
    published.unwrap();
    assert_eq!(bodies(&pulled.unwrap()), ["urgent", "usual"]);
}

/// Polls once with a waker that does nothing.
fn futures_poll_once<T>(future: &mut celeriac_core::BoxFuture<'_, T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

fn completion(id: MessageId) -> Completion {
    let now = Timestamp::now();
    Completion {
        id,
        outcome: Outcome::success(0, now, ContentType::Json, "1".into()),
        expires_at: now.after(Duration::from_secs(60)),
    }
}

#[tokio::test]
async fn a_watcher_sees_marks_and_the_end() {
    let store = Memory::new(Options::default());
    let id = MessageId::new();
    let watch = [Watch { id, seen: 0 }];
    let mark = Mark { id, state: State::Started, attempt: 0, progress: None, failure: None };
    let (changed, marked) = tokio::join!(store.changed(&watch), store.mark(vec![mark.clone()]));
    marked.unwrap();
    let changed = changed.unwrap();
    assert_eq!(changed[0].1.state, State::Started);
    let seen = changed[0].1.version;
    let watch = [Watch { id, seen }];
    let (changed, recorded) =
        tokio::join!(store.changed(&watch), store.complete(vec![completion(id)]));
    assert_eq!(recorded.unwrap(), [true]);
    assert_eq!(changed.unwrap()[0].1.state, State::Success);
    assert_eq!(store.complete(vec![completion(id)]).await.unwrap(), [false]);
    store.forget(&[id]).await.unwrap();
    assert_eq!(store.entries(&[id]).await.unwrap(), [None]);
}

#[tokio::test]
async fn revocations_are_followed_by_their_cursor() {
    let store = Memory::new(Options::default());
    let [first, second] = [MessageId::new(), MessageId::new()];
    let until = Timestamp::now().after(Duration::from_secs(60));
    let begin = store.revocations(0).await.unwrap();
    assert!(begin.ids.is_empty());
    let ids = [first];
    let (changes, revoked) =
        tokio::join!(store.revocations(begin.cursor), store.revoke(&ids, until));
    revoked.unwrap();
    let changes = changes.unwrap();
    assert_eq!(changes.ids, [first]);
    store.revoke(&[second], until).await.unwrap();
    assert_eq!(store.revocations(changes.cursor).await.unwrap().ids, [second]);
    assert_eq!(store.revocations(0).await.unwrap().ids, [first, second]);
    assert_eq!(store.revoked(&[second, MessageId::new()]).await.unwrap(), [second]);
    store.revoke(&[second], Timestamp::from_millis(1)).await.unwrap();
    assert!(store.revoked(&[second]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_nearer_timer_wakes_who_waits_for_it() {
    let store = Memory::new(Options::default());
    let mut timer = (*message("q", "t")).clone();
    timer.rare_mut().eta = Some(Timestamp::from_millis(50));
    assert_eq!(store.next_due().await.unwrap(), None);
    let batch = [Arc::new(timer)];
    let (changed, scheduled) = tokio::join!(store.timers_changed(), store.schedule(&batch));
    changed.and(scheduled).unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(Timestamp::from_millis(50)));
    assert!(futures_poll_once(&mut store.timers_changed()).is_none());
    let due = store.take_due(Timestamp::from_millis(50), 5, Duration::from_secs(1));
    assert_eq!(due.await.unwrap(), batch);
    assert_eq!(store.next_due().await.unwrap(), Some(Timestamp::from_millis(1050)));
    store.unschedule(&batch).await.unwrap();
    assert_eq!(store.scheduled().await.unwrap(), 0);
}

#[tokio::test]
async fn the_rest_of_the_store_remembers() {
    let store = Memory::new(Options::default());
    let now = Timestamp::now();
    let claim = Claim {
        key: "k".to_owned(),
        id: MessageId::new(),
        now,
        until: now.after(Duration::from_secs(9)),
    };
    assert_eq!(store.claim(vec![claim]).await.unwrap(), [Claimed::Ours]);
    store.confirm(&["k".to_owned()]).await.unwrap();

    let entry = Quarantined {
        content: Content::Message(message("q", "b")),
        reason: Reason::Poisonous,
        failure: Failure::new("k", "m"),
        at: now,
        deaths: 0,
    };
    let id = entry.content.id();
    store.quarantine(vec![entry.clone()]).await.unwrap();
    assert_eq!(store.quarantined(&Filter::default(), 9).await.unwrap(), [entry]);
    let after = Filter { after: Some(id), ..Filter::default() };
    assert!(store.quarantined(&after, 9).await.unwrap().is_empty());
    assert_eq!(store.unquarantine(&[id, MessageId::new()]).await.unwrap(), 1);

    let node = Node {
        name: "n".to_owned(),
        pid: 1,
        inbox: "~n".into(),
        started_at: now,
        expires_at: now.after(Duration::from_secs(1)),
    };
    store.announce(node.clone()).await.unwrap();
    assert_eq!(store.nodes(now).await.unwrap(), std::slice::from_ref(&node));
    assert!(store.nodes(node.expires_at).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_closed_broker_says_so_and_wakes_everybody() {
    let broker = Memory::new(Options::default());
    let mut consumer = consume(&broker, &["q"]).await;
    let watch = [Watch { id: MessageId::new(), seen: 0 }];
    let cursor = broker.revocations(0).await.unwrap().cursor;
    let (pulled, changed, timers, revocations, ()) = tokio::join!(
        consumer.pull(1),
        broker.changed(&watch),
        broker.timers_changed(),
        broker.revocations(cursor),
        broker.close()
    );
    let kinds = [
        pulled.unwrap_err().kind(),
        changed.unwrap_err().kind(),
        timers.unwrap_err().kind(),
        revocations.unwrap_err().kind(),
        broker.publish(&[], Limit::Respect).await.unwrap_err().kind(),
    ];
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::Closed));
}
