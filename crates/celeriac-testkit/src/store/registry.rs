//! The registry, and what goes for all parts of a store.

use std::sync::Arc;

use celeriac_core::store::{Filter, Node};
use celeriac_core::{MessageId, QueueName, Timestamp};

use crate::{Harness, Rig};

fn node(name: &str, expires_at: u64) -> Node {
    Node {
        name: name.to_owned(),
        pid: 42,
        inbox: QueueName::from(format!("~inbox.{name}")),
        started_at: Timestamp::from_millis(1),
        expires_at: Timestamp::from_millis(expires_at),
    }
}

async fn announce(rig: &Rig, node: Node) {
    rig.store().announce(node).await.expect("announce");
}

async fn nodes(rig: &Rig, now: u64) -> Vec<Node> {
    let now = Timestamp::from_millis(now);
    rig.store().nodes(now).await.expect("nodes")
}

/// S-29: by name, while alive, as announced last.
pub async fn the_living_are_listed_by_name(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(nodes(&rig, 0).await, []);
    for node in [node("c", 100), node("a", 300), node("b", 200)] {
        announce(&rig, node).await;
    }
    assert_eq!(nodes(&rig, 50).await, [node("a", 300), node("b", 200), node("c", 100)]);
    announce(&rig, node("c", 400)).await;
    assert_eq!(nodes(&rig, 250).await, [node("a", 300), node("c", 400)]);
    assert_eq!(nodes(&rig, 401).await, []);
}

/// S-30: and does not come back by itself.
pub async fn who_withdraws_is_gone(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    announce(&rig, node("a", 100)).await;
    announce(&rig, node("b", 100)).await;
    rig.store().withdraw("a").await.expect("withdraw");
    rig.store().withdraw("nobody").await.expect("withdraw");
    assert_eq!(nodes(&rig, 50).await, [node("b", 100)]);
    announce(&rig, node("a", 200)).await;
    assert_eq!(nodes(&rig, 50).await.len(), 2);
}

/// S-31: everywhere.
pub async fn empty_batches_change_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let store = rig.store();
    assert_eq!(store.complete(vec![]).await.expect("complete"), [false; 0]);
    store.mark(vec![]).await.expect("mark");
    assert_eq!(store.entries(&[]).await.expect("entries"), []);
    store.forget(&[]).await.expect("forget");
    store.revoke(&[], Timestamp::NEVER).await.expect("revoke");
    assert_eq!(store.revoked(&[]).await.expect("revoked"), []);
    store.schedule(&[]).await.expect("schedule");
    store.unschedule(&[]).await.expect("unschedule");
    assert_eq!(store.scheduled().await.expect("scheduled"), 0);
    assert_eq!(store.claim(vec![]).await.expect("claim"), []);
    store.confirm(&[]).await.expect("confirm");
    store.quarantine(vec![]).await.expect("quarantine");
    let all = Filter::default();
    assert_eq!(store.quarantined(&all, 10).await.expect("quarantined"), []);
    assert_eq!(store.unquarantine(&[]).await.expect("unquarantine"), 0);
    assert_eq!(store.create(vec![]).await.expect("create"), [false; 0]);
    assert_eq!(store.workflows(&[]).await.expect("workflows"), []);
    assert_eq!(store.pages(MessageId::new(), &[]).await.expect("pages"), []);
    assert_eq!(store.transition(vec![]).await.expect("transition"), [false; 0]);
    store.mark_steps(vec![]).await.expect("mark_steps");
    assert_eq!(store.forget_workflows(&[]).await.expect("forget_workflows"), 0);
    assert_eq!(store.join(vec![]).await.expect("join"), []);
    store.reopen(vec![]).await.expect("reopen");
}
