//! What waits on disk while a broker is down.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::{Broker, ErrorKind, Message, Name};
use celeriac_embedded::Memory;
use celeriac_publisher::Courier;
use celeriac_publisher::courier::{Options, WhenFull};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::{eventually, poll_once, within};
use celeriac_testkit::sample::{batch, number};
use jumpstarter::System;

use crate::outage::{Outage, Power, brisk, take};

/// A broker, and a backlog that stands for one on disk.
struct World {
    broker: Arc<Outage>,
    disk: Arc<Memory>,
    plan: Arc<Plan>,
    courier: Courier,
    _system: System,
}

fn world(options: Options) -> World {
    world_after(options, Memory::new(celeriac_embedded::Options::default()))
}

fn world_after(options: Options, disk: Arc<Memory>) -> World {
    let (broker, system, plan) = (Outage::new(), System::new("test"), Plan::new());
    let faulty = Faulty::broker(disk.clone() as Arc<dyn Broker>, &plan);
    let courier = Courier::start(&system, "b", broker.clone(), Some(faulty), options);
    World { broker, disk, plan, courier, _system: system }
}

impl World {
    async fn until_up(&self) {
        let up = || std::future::ready(self.courier.report().is_up);
        eventually("the backlog to be empty", up).await;
    }

    async fn send(&self, queue: &str, number: u64) {
        let batch = batch(queue, number..number + 1);
        let sent = self.courier.publish(&batch, Limit::Respect);
        assert_eq!(within("a send", sent).await.unwrap(), [0; 0]);
    }
}

#[tokio::test]
async fn senders_do_not_wait_and_order_is_kept_for_each_queue_across_the_outage() {
    let world = world(brisk());
    world.until_up().await;
    for number in 0..10 {
        world.send("p", number).await;
        world.send("q", number).await;
    }
    world.broker.switch(Power::Off);
    for number in 10..2000 {
        world.send(if number % 2 == 0 { "p" } else { "q" }, number).await;
    }
    assert_eq!(world.courier.report().on_disk, 1990);
    world.broker.switch(Power::On);
    for number in 2000..2100 {
        // Some of these while what waited is being published.
        world.send(if number % 2 == 0 { "p" } else { "q" }, number).await;
    }
    world.until_up().await;
    let expected = |odd| (0..10).chain((10..2100).filter(|number| number % 2 == odd)).collect();
    let (p, q): (Vec<u64>, Vec<u64>) = (expected(0), expected(1));
    assert_eq!(world.broker.take("p", p.len()).await, p);
    assert_eq!(world.broker.take("q", q.len()).await, q);
    assert_eq!(world.courier.report().on_disk, 0);
    assert!(world.disk.queues().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_comes_to_the_disk_while_it_is_found_empty_is_found_later() {
    let (broker, disk, system) = (Outage::new(), Outage::new(), System::new("test"));
    let courier = Courier::start(&system, "b", broker.clone(), Some(disk.clone()), brisk());
    let until_up = || eventually("it to be clear", || std::future::ready(courier.report().is_up));
    until_up().await;
    broker.switch(Power::Off);
    disk.switch(Power::Late(Operation::Publish));
    let one = batch("q", 0..1);
    let mut sent = courier.publish(&one, Limit::Respect);
    eventually("the write", || {
        assert!(poll_once(&mut sent).is_pending());
        std::future::ready(courier.report().on_disk == 1)
    })
    .await;
    disk.until_late().await;
    // The disk is empty yet when the broker is asked whether it is there.
    broker.switch(Power::Late(Operation::Queues));
    broker.until_late().await;
    disk.switch(Power::On);
    within("the write", sent).await.unwrap();
    broker.switch(Power::On);
    until_up().await;
    assert_eq!(broker.take("q", 1).await, [0]);
}

#[tokio::test]
async fn what_an_earlier_process_left_goes_first() {
    let disk = Memory::new(celeriac_embedded::Options::default());
    disk.publish(&batch("q", 0..100), Limit::Exceed).await.unwrap();
    let world = world_after(brisk(), disk);
    world.send("q", 100).await;
    world.until_up().await;
    let taken = take(&*world.broker.memory, "q", 101).await;
    let numbers = Vec::from_iter(taken.iter().map(|message| number(message)));
    assert_eq!(numbers, Vec::from_iter(0..101));
    assert!(taken[0].may_repeat, "it may have been published before the process died");
}

#[tokio::test]
async fn a_full_disk_backlog_refuses_or_blocks_as_was_chosen() {
    for when_full in [WhenFull::Refuse, WhenFull::Block] {
        let world = world(Options { limit: 3, when_full, ..brisk() });
        world.until_up().await;
        world.broker.switch(Power::Off);
        let (most, last) = (batch("q", 0..3), batch("q", 3..4));
        world.courier.publish(&most, Limit::Respect).await.unwrap();
        let mut more = world.courier.publish(&last, Limit::Respect);
        if when_full == WhenFull::Refuse {
            assert_eq!(more.await.unwrap_err().kind(), ErrorKind::Busy);
            continue;
        }
        assert!(poll_once(&mut more).is_pending());
        world.broker.switch(Power::On);
        within("room", more).await.unwrap();
        world.until_up().await;
        assert_eq!(world.broker.take("q", 4).await, [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn when_the_disk_fails_memory_takes_over_and_goes_first() {
    let world = world(brisk());
    world.until_up().await;
    world.broker.switch(Power::Off);
    world.send("q", 0).await;
    // Full from now on.
    world.plan.fail_times(Operation::Publish, 2, 1000, Effect::Refuse(ErrorKind::NoSpace));
    let (one, two) = (batch("q", 1..2), batch("q", 2..3));
    let mut one = world.courier.publish(&one, Limit::Respect);
    let mut two = world.courier.publish(&two, Limit::Respect);
    assert!(poll_once(&mut one).is_pending() && poll_once(&mut two).is_pending());
    let report = world.courier.report();
    assert!(report.disk_fails && report.in_memory == 2 && report.on_disk >= 1, "{report:?}");
    world.broker.switch(Power::On);
    within("the first in memory", one).await.unwrap();
    within("the second in memory", two).await.unwrap();
    world.until_up().await;
    assert_eq!(world.broker.take("q", 3).await, [1, 2, 0], "none is lost");
}

#[tokio::test]
async fn a_disk_that_hangs_for_a_sender_that_leaves_harms_nobody() {
    let world = world(brisk());
    world.until_up().await;
    world.broker.switch(Power::Off);
    world.plan.fail(Operation::Publish, 1, Effect::Hang);
    let left = batch("q", 0..1);
    tokio::time::timeout(Duration::from_millis(50), world.courier.publish(&left, Limit::Respect))
        .await
        .unwrap_err();
    world.broker.switch(Power::On);
    world.until_up().await;
    world.send("q", 1).await;
    assert_eq!(world.broker.take("q", 1).await, [1]);
}

#[tokio::test]
async fn what_the_broker_will_not_have_is_kept_and_holds_up_nothing() {
    let disk = Memory::new(celeriac_embedded::Options::default());
    disk.publish(&batch("q", 0..3), Limit::Exceed).await.unwrap();
    let (memory, system, plan) = (Outage::new().memory.clone(), System::new("test"), Plan::new());
    // All three together, then the second of them.
    plan.fail(Operation::Publish, 1, Effect::Refuse(ErrorKind::Invalid));
    plan.fail(Operation::Publish, 3, Effect::Refuse(ErrorKind::Invalid));
    let broker = Faulty::broker(memory.clone() as Arc<dyn Broker>, &plan);
    let courier = Courier::start(&system, "b", broker, Some(disk.clone()), brisk());
    eventually("it to be clear", || std::future::ready(courier.report().is_up)).await;
    let arrived = take(&*memory, "q", 2).await;
    assert_eq!(Vec::from_iter(arrived.iter().map(|message| number(message))), [0, 2]);
    let kept: Vec<Arc<Message>> = take(&*disk, "refused", 1).await;
    assert_eq!((kept[0].name.clone(), number(&kept[0])), (Name::from("sample::task"), 1));
}
