//! Events become commands: exactly one per subscription and event id.

use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::store::{Filter, Quarantine, Reason};
use celeriac_core::{ContentType, Message, Name, QueueName};
use celeriac_embedded::Memory;
use celeriac_engine::{MapError, Subscription, Subscriptions};
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;

use crate::fixture::{World, publish};
use crate::platform::{Platform, TASK, success};

const EVENT: Name = Name::from_static("happened");

fn subscriptions() -> Subscriptions {
    let mut subscriptions = Subscriptions::default();
    for name in ["first", "second"] {
        let map = |_: &ContentType, body: &[u8]| match body {
            b"bad" => Err(MapError("bad".to_owned())),
            body => Ok(Bytes::copy_from_slice(body)),
        };
        let (task, queue, map) = (TASK, QueueName::DEFAULT, Arc::new(map));
        let name = name.to_owned();
        subscriptions.add(EVENT, Subscription { name, task, queue, map });
    }
    subscriptions
}

async fn world(memory: Arc<Memory>, plan: Arc<Plan>) -> World {
    let platform = Platform::new(|_| Some(success()));
    World::subscribed(memory, plan, platform, subscriptions()).await
}

#[tokio::test]
async fn one_command_per_subscription_however_often_the_event_comes() {
    let world = world(Memory::new(Default::default()), Plan::new()).await;
    let event = Message::event(EVENT, "{}");
    let commands = ["first", "second"].map(|name| event.id.derive(name));
    publish(&world.memory, vec![event.clone()]).await;
    world.ends(&commands).await;
    world.empty().await;
    publish(&world.memory, vec![event.clone(), event]).await;
    world.empty().await;
    assert_eq!(world.platform.dispatched(), commands);
}

#[tokio::test]
async fn an_event_whose_commands_were_published_is_redelivered_without_effect() {
    let plan = Plan::new();
    plan.fail(Operation::Settle, 1, Effect::DieBefore);
    let dying = world(Memory::new(Default::default()), plan.clone()).await;
    let event = Message::event(EVENT, "{}");
    let commands = ["first", "second"].map(|name| event.id.derive(name));
    publish(&dying.memory, vec![event]).await;
    eventually("its death before the event is settled", || async { plan.is_dead() }).await;
    let memory = dying.die().await;

    let second = world(memory, Plan::new()).await;
    second.ends(&commands).await;
    second.empty().await;
    let mut dispatched = second.platform.dispatched();
    dispatched.sort();
    let mut expected = commands;
    expected.sort();
    assert_eq!(dispatched, expected);
}

#[tokio::test]
async fn an_event_that_no_subscription_can_read_is_quarantined() {
    let world = world(Memory::new(Default::default()), Plan::new()).await;
    let event = Message::event(EVENT, "bad");
    publish(&world.memory, vec![event.clone()]).await;
    world.empty().await;
    let kept = world.memory.quarantined(&Filter::default(), 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].reason), (1, Reason::Undecodable));
    assert_eq!(kept[0].content.id(), event.id);
}
