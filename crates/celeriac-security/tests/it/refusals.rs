//! What a guard refuses, and what it lets pass: several components around one
//! broker, each with its own keys.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, Subscription};
use celeriac_core::{Broker, Message, Name, QueueName};
use celeriac_embedded::{Memory, Options};
use celeriac_security::seal::QueueKeys;
use celeriac_security::{Guard, Inboxes, Keyring, Policy, Refused};

const INBOX: &str = "~inbox.node";
const SIGNED: &str = "payments.card";

struct Component {
    keyring: Arc<Keyring>,
    guard: Guard,
}

fn component(broker: &Arc<Memory>) -> Component {
    let keyring = Arc::new(Keyring::ephemeral());
    let policy = Policy::default().with_signed(["payments.*"]);
    let guard = Guard::new(broker.clone(), keyring.clone(), policy);
    Component { keyring, guard }
}

/// Two components that trust each other.
fn friends() -> (Arc<Memory>, Component, Component) {
    let broker = Memory::new(Options::default());
    let (one, other) = (component(&broker), component(&broker));
    one.keyring.trust("other", other.keyring.public()).unwrap();
    other.keyring.trust("one", one.keyring.public()).unwrap();
    (broker, one, other)
}

fn message(queue: &str) -> Arc<Message> {
    let mut message = Message::command(Name::from_static("pay"), "[1]");
    message.queue = QueueName::from(queue);
    message.into()
}

async fn publish(broker: &dyn Broker, message: &Arc<Message>) {
    broker.publish(std::slice::from_ref(message), Limit::Exceed).await.unwrap();
}

async fn take(broker: &dyn Broker, queue: &str, count: usize) -> Vec<Delivery> {
    let queues = vec![QueueName::from(queue)];
    let subscription = Subscription { queues, consumer: "test".to_owned() };
    let mut consumer = broker.consume(subscription).await.unwrap();
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        deliveries.extend(consumer.pull(count).await.unwrap());
    }
    let settle = |delivery: &Delivery| celeriac_core::broker::Settlement {
        receipt: delivery.receipt,
        verdict: celeriac_core::broker::Verdict::Ack,
    };
    broker.settle(deliveries.iter().map(settle).collect()).await.unwrap();
    deliveries
}

async fn reason(broker: &dyn Broker, queue: &str) -> String {
    let delivery = take(broker, queue, 1).await.remove(0);
    delivery.payload.expect_err("a refused message").reason
}

#[tokio::test]
async fn a_message_of_a_friend_arrives_as_it_was_sent() {
    let (_, one, other) = friends();
    for queue in [INBOX, SIGNED, "default"] {
        let sent = message(queue);
        publish(&one.guard, &sent).await;
        let got = take(&other.guard, queue, 1).await.remove(0);
        let got = got.payload.unwrap();
        assert_eq!((got.id, &got.body, &got.rare().signature), (sent.id, &sent.body, &None));
    }
    assert_eq!(other.guard.refused(), Refused::default());
}

#[tokio::test]
async fn an_unsigned_message_is_refused_where_signatures_are_demanded() {
    let (broker, _, other) = friends();
    for queue in [INBOX, SIGNED] {
        publish(&*broker, &message(queue)).await;
        assert!(reason(&other.guard, queue).await.contains("not signed"));
    }
    publish(&*broker, &message("default")).await;
    assert!(take(&other.guard, "default", 1).await[0].payload.is_ok());
    assert_eq!(other.guard.refused(), Refused { unsigned: 2, ..Refused::default() });
}

#[tokio::test]
async fn a_stranger_is_refused_until_it_is_trusted() {
    let (broker, _, other) = friends();
    let stranger = component(&broker);
    publish(&stranger.guard, &message(SIGNED)).await;
    assert!(reason(&other.guard, SIGNED).await.contains("not trusted"));
    other.keyring.trust("stranger", stranger.keyring.public()).unwrap();
    publish(&stranger.guard, &message(SIGNED)).await;
    assert!(take(&other.guard, SIGNED, 1).await[0].payload.is_ok());
    assert_eq!(other.guard.refused().unknown_key, 1);
}

#[tokio::test]
async fn a_forged_message_is_refused() {
    let (broker, one, other) = friends();
    publish(&one.guard, &message(SIGNED)).await;
    let signed = take(&*broker, SIGNED, 1).await.remove(0).payload.unwrap();
    let forged = Message { body: "[1000000]".into(), ..Message::clone(&signed) };
    publish(&*broker, &forged.into()).await;
    assert!(reason(&other.guard, SIGNED).await.contains("not that of its content"));
    let moved = Message { queue: QueueName::from("payments.other"), ..Message::clone(&signed) };
    publish(&*broker, &moved.into()).await;
    assert!(reason(&other.guard, "payments.other").await.contains("not that of its content"));
    assert_eq!(other.guard.refused().forged, 2);
}

#[tokio::test]
async fn a_question_that_is_replayed_is_refused() {
    let (broker, one, other) = friends();
    publish(&one.guard, &message(INBOX)).await;
    let signed = take(&*broker, INBOX, 1).await.remove(0).payload.unwrap();
    publish(&*broker, &signed).await;
    assert!(take(&other.guard, INBOX, 1).await[0].payload.is_ok());
    publish(&*broker, &signed).await;
    assert!(reason(&other.guard, INBOX).await.contains("received before"));
    assert_eq!(other.guard.refused().repeated, 1);
}

/// What its reader did not answer before it died comes again, and is answered.
#[tokio::test]
async fn a_question_that_the_broker_redelivers_is_taken() {
    let (_, one, other) = friends();
    publish(&one.guard, &message(INBOX)).await;
    let queues = vec![QueueName::from(INBOX)];
    let subscription = Subscription { queues, consumer: "first".to_owned() };
    let mut first = other.guard.consume(subscription).await.unwrap();
    assert!(first.pull(1).await.unwrap()[0].payload.is_ok());
    drop(first);
    let again = take(&other.guard, INBOX, 1).await.remove(0);
    assert!(again.redelivered && again.payload.is_ok());
}

/// A command may be delivered twice: its outcome answers, not the guard.
#[tokio::test]
async fn a_command_that_is_repeated_passes() {
    let (broker, one, other) = friends();
    publish(&one.guard, &message(SIGNED)).await;
    let signed = take(&*broker, SIGNED, 1).await.remove(0).payload.unwrap();
    for _ in 0..2 {
        publish(&*broker, &signed).await;
        assert!(take(&other.guard, SIGNED, 1).await[0].payload.is_ok());
    }
}

/// A retry bears the signature of its first sending, over another attempt.
#[tokio::test]
async fn what_is_sent_on_is_signed_anew() {
    let (_, one, other) = friends();
    publish(&one.guard, &message(SIGNED)).await;
    let first = take(&other.guard, SIGNED, 1).await.remove(0).payload.unwrap();
    let again = Message { attempt: 1, ..Message::clone(&first) };
    publish(&other.guard, &again.into()).await;
    assert_eq!(take(&one.guard, SIGNED, 1).await[0].payload.as_ref().unwrap().attempt, 1);
}

#[tokio::test]
async fn open_inboxes_take_anything() {
    let broker = Memory::new(Options::default());
    let keyring = Arc::new(Keyring::ephemeral());
    let open = Guard::new(broker.clone(), keyring, Policy::new(Inboxes::Open));
    publish(&*broker, &message(INBOX)).await;
    assert!(take(&open, INBOX, 1).await[0].payload.is_ok());
}

#[tokio::test]
async fn an_encrypted_body_is_read_by_who_has_the_key() {
    let broker = Memory::new(Options::default());
    let sealing = |secret| {
        let policy = Policy::default().with_sealed([QueueKeys::new("pay*", &[[secret; 32]])]);
        Guard::new(broker.clone(), Arc::new(Keyring::ephemeral()), policy)
    };
    let (one, other, stranger) = (sealing(1), sealing(1), sealing(2));
    let sent = message(SIGNED);
    publish(&one, &sent).await;
    let raw = take(&*broker, SIGNED, 1).await.remove(0).payload.unwrap();
    assert_ne!(raw.body, sent.body);
    publish(&*broker, &raw).await;
    assert_eq!(take(&other, SIGNED, 1).await[0].payload.as_ref().unwrap().body, sent.body);
    publish(&*broker, &raw).await;
    assert!(reason(&stranger, SIGNED).await.contains("not in queues.toml"));
    publish(&*broker, &sent).await;
    assert!(reason(&other, SIGNED).await.contains("not encrypted"));
    assert_eq!((other.refused().unreadable, stranger.refused().unreadable), (1, 1));
}
