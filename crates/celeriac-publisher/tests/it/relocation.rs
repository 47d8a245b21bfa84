//! Moving a queue from one broker to another.

use std::sync::Arc;

use celeriac_core::broker::Limit;
use celeriac_core::{Broker, ErrorKind};
use celeriac_publisher::Courier;
use celeriac_publisher::relocation::{Moved, Relocation};
use celeriac_testkit::sample::batch;
use jumpstarter::System;

use crate::outage::{Outage, acked, brisk, subscription};

fn courier(system: &System, name: &str, broker: &Arc<Outage>) -> Courier {
    Courier::start(system, name, broker.clone(), None, brisk())
}

#[tokio::test]
async fn what_waits_is_moved_in_order_and_what_runs_stays() {
    let (a, b, system) = (Outage::new(), Outage::new(), System::new("test"));
    let (from, to) = (courier(&system, "a", &a), courier(&system, "b", &b));
    a.memory.publish(&batch("q", 0..1201), Limit::Respect).await.unwrap();
    a.memory.publish(&batch("other", 0..1), Limit::Respect).await.unwrap();
    let mut worker = a.memory.consume(subscription(&["q"])).await.unwrap();
    let running = worker.pull(1).await.unwrap();

    let mut relocation = Relocation::begin(&from, &to, &"q".into()).await.unwrap();
    let mut steps = Vec::new();
    while relocation.next().await.unwrap() {
        steps.push(relocation.moved().moved);
    }
    assert_eq!(steps, [500, 1000, 1200]);
    assert_eq!(relocation.moved(), Moved { moved: 1200, waiting: 0, unreadable: 0 });
    drop(relocation);
    assert_eq!(b.take("q", 1200).await, Vec::from_iter(1..1201));
    a.memory.settle(running.iter().map(acked).collect()).await.unwrap();
    assert_eq!((a.depth("q").await, a.depth("other").await), (0, 1));
}

#[tokio::test]
async fn a_queue_is_not_moved_to_where_it_is() {
    let (a, system) = (Outage::new(), System::new("test"));
    let courier = courier(&system, "a", &a);
    let refused = Relocation::begin(&courier, &courier, &"q".into()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}
