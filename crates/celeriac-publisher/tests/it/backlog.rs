//! What waits in memory while a broker is down.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::{Broker, ErrorKind};
use celeriac_engine::routing::Routes;
use celeriac_publisher::courier::{Options, WhenFull};
use celeriac_publisher::{Courier, Error, Publisher};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::{eventually, poll_once, within};
use celeriac_testkit::sample::batch;
use jumpstarter::System;

use crate::outage::{Outage, Power, brisk, take};

struct World {
    broker: Arc<Outage>,
    courier: Courier,
    publisher: Publisher,
    _system: System,
}

fn world(options: Options) -> World {
    let (broker, system) = (Outage::new(), System::new("test"));
    let courier = Courier::start(&system, "b", broker.clone(), None, options);
    let drivers = (Arc::new(courier.clone()) as Arc<dyn Broker>, broker.memory.clone() as _);
    let couriers = std::slice::from_ref(&courier);
    let (lanes, options) = ((couriers, Routes::single()), celeriac_publisher::Options::default());
    let publisher = Publisher::start_over(&system, drivers, lanes, options);
    World { broker, courier, publisher, _system: system }
}

impl World {
    async fn until_down(&self) {
        let down = || std::future::ready(!self.courier.report().is_up);
        eventually("the outage to be seen", down).await;
    }
}

#[tokio::test]
async fn what_is_sent_during_an_outage_arrives_in_order_and_not_before_it_is_answered() {
    let world = world(brisk());
    world.publisher.publish(batch("q", 0..1)).await.unwrap();
    world.broker.switch(Power::Off);
    let mut sends = Vec::new();
    for number in 1..20 {
        let mut send = Box::pin(world.publisher.publish(batch("q", number..number + 1)));
        assert!(poll_once(&mut send).is_pending());
        sends.push(send);
    }
    world.until_down().await;
    for send in &mut sends {
        assert!(poll_once(send).is_pending(), "answered, and is nowhere");
    }
    world.broker.switch(Power::On);
    for send in sends {
        within("a send", send).await.unwrap();
    }
    world.publisher.publish(batch("q", 20..21)).await.unwrap();
    assert_eq!(world.broker.take("q", 21).await, Vec::from_iter(0..21));
    assert!(world.courier.report().is_up);
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_so_long_and_no_longer() {
    let options = Options { wait: Duration::from_secs(7), ..brisk() };
    let world = world(options);
    world.broker.switch(Power::Off);
    let began = tokio::time::Instant::now();
    let error = world.publisher.publish(batch("q", 0..1)).await.unwrap_err();
    let Error::Driver(error) = error else { panic!("{error}") };
    assert_eq!((error.kind(), began.elapsed().as_secs()), (ErrorKind::Timeout, 7));
    assert!(error.to_string().contains("the broker `b` is down"), "{error}");
}

#[tokio::test]
async fn a_full_backlog_refuses_or_blocks_as_was_chosen() {
    for when_full in [WhenFull::Refuse, WhenFull::Block] {
        let world = world(Options { limit: 10, when_full, ..brisk() });
        world.broker.switch(Power::Off);
        let mut held = Box::pin(world.publisher.publish(batch("q", 0..8)));
        assert!(poll_once(&mut held).is_pending());
        world.until_down().await;
        let mut more = Box::pin(world.publisher.publish(batch("q", 8..12)));
        match when_full {
            WhenFull::Refuse => {
                let Err(Error::Driver(error)) = more.await else { panic!("not refused") };
                assert_eq!(error.kind(), ErrorKind::Busy);
                assert!(error.to_string().contains("10 messages wait"), "{error}");
                world.broker.switch(Power::On);
                within("what waited", held).await.unwrap();
                assert_eq!(world.broker.depth("q").await, 8);
            }
            WhenFull::Block => {
                assert!(poll_once(&mut more).is_pending());
                world.broker.switch(Power::On);
                within("what waited", held).await.unwrap();
                within("what was blocked", more).await.unwrap();
                assert_eq!(world.broker.take("q", 12).await, Vec::from_iter(0..12));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_is_as_good_as_down() {
    let world = world(brisk());
    world.broker.switch(Power::Hung);
    let send = world.publisher.publish(batch("q", 0..1));
    let mend = async {
        world.until_slow().await;
        world.broker.switch(Power::On);
    };
    let (sent, ()) = futures_util::future::join(send, mend).await;
    sent.unwrap();
    assert!(take(&*world.broker.memory, "q", 1).await[0].may_repeat, "it may have arrived twice");
}

impl World {
    async fn until_slow(&self) {
        while self.courier.report().is_up {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_a_repetition_and_no_loss() {
    let (memory, system) = (Outage::new().memory.clone(), System::new("test"));
    let plan = Plan::new();
    plan.fail_times(Operation::Publish, 1, 4, Effect::Doubt(ErrorKind::Unreachable));
    plan.fail(Operation::Queues, 1, Effect::Panic);
    let broker = Faulty::broker(memory.clone(), &plan);
    let courier = Courier::start(&system, "b", broker, None, brisk());
    let published = within("the fifth", courier.publish(&batch("q", 0..1), Limit::Respect)).await;
    assert_eq!(published.unwrap(), [0; 0]);
    let copies = take(&*memory, "q", 5).await;
    assert!(!copies[0].may_repeat && copies[1..].iter().all(|message| message.may_repeat));
    // Its actor crashes over the look at the queues, and does what was left.
    eventually("it to be clear", || std::future::ready(courier.report().is_up)).await;
}

#[tokio::test]
async fn what_the_broker_will_not_have_concerns_its_sender_only() {
    let (memory, system) = (Outage::new().memory.clone(), System::new("test"));
    let plan = Plan::new();
    // The first goes in vain twice, so that the second joins it; then one of
    // both is invalid, and each is tried alone.
    plan.fail_times(Operation::Publish, 1, 2, Effect::Refuse(ErrorKind::Unreachable));
    plan.fail_times(Operation::Publish, 3, 2, Effect::Refuse(ErrorKind::Invalid));
    let courier =
        Courier::start(&system, "b", Faulty::broker(memory.clone(), &plan), None, brisk());
    let (bad, good) = (batch("q", 0..1), batch("q", 1..2));
    let (bad, good) = futures_util::future::join(courier.publish(&bad, Limit::Respect), async {
        eventually("an outage", || std::future::ready(!courier.report().is_up)).await;
        courier.publish(&good, Limit::Respect).await
    })
    .await;
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(good.unwrap(), [0; 0]);
    assert_eq!(memory.queues().await.unwrap()[0].ready, 1);
}
