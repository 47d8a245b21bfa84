//! Several brokers: routes, fail-over, and consuming from those that are up.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::{Broker, ErrorKind, HeaderValue, Message};
use celeriac_engine::routing::{Route, Routes, Subject};
use celeriac_publisher::{Courier, Fleet, Options, Publisher};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample::{batch, numbered};
use jumpstarter::System;

use crate::outage::{Outage, Power, acked, brisk, depth, numbers, subscription, take};

struct World {
    a: Arc<Outage>,
    b: Arc<Outage>,
    couriers: Vec<Courier>,
    fleet: Arc<Fleet>,
    system: System,
}

fn routes() -> Routes {
    let route = |subject, brokers: &[usize]| Route { subject, brokers: brokers.to_vec() };
    let routes = vec![
        route(Subject::Header("tenant".to_owned(), "acme".into()), &[1]),
        route(Subject::Queue("b".into()), &[1]),
        route(Subject::Queue("either".into()), &[1, 0]),
    ];
    Routes::new(routes, vec![0])
}

fn world() -> World {
    world_of(Outage::new(), Outage::new())
}

fn world_of(a: Arc<Outage>, b: Arc<Outage>) -> World {
    let system = System::new("test");
    let start = |name: &str, broker: &Arc<Outage>| {
        Courier::start(&system, name, broker.clone(), None, brisk())
    };
    let couriers = vec![start("a", &a), start("b", &b)];
    let fleet = Arc::new(Fleet::new(couriers.clone(), routes()));
    World { a, b, couriers, fleet, system }
}

impl World {
    async fn publish(&self, batch: &[Arc<Message>]) {
        assert_eq!(self.fleet.publish(batch, Limit::Respect).await.unwrap(), [0; 0]);
    }

    async fn until(&self, broker: usize, is_up: bool) {
        let seen = || std::future::ready(self.couriers[broker].report().is_up == is_up);
        eventually("the broker to be seen as it is", seen).await;
    }
}

#[tokio::test]
async fn routes_divide_a_batch_and_order_is_kept_for_each_queue() {
    let world = world();
    let mut mixed = Vec::new();
    for number in 0..50 {
        mixed.extend(batch("a", number..number + 1));
        mixed.extend(batch("b", number..number + 1));
    }
    let mut of_tenant = numbered("a", 99);
    let acme: HeaderValue = "acme".into();
    of_tenant.rare_mut().headers.insert("tenant".to_owned(), acme);
    mixed.push(of_tenant.into());
    world.publish(&mixed).await;
    assert_eq!(world.a.take("a", 50).await, Vec::from_iter(0..50));
    assert_eq!(world.b.take("b", 50).await, Vec::from_iter(0..50));
    assert_eq!(world.b.take("a", 1).await, [99]);
    assert_eq!((world.a.depth("b").await, world.a.depth("a").await), (0, 0));
}

#[tokio::test]
async fn the_next_stands_in_while_the_best_is_down() {
    let world = world();
    world.b.switch(Power::Off);
    world.publish(&batch("either", 0..2)).await;
    let stood_in = take(&*world.a.memory, "either", 2).await;
    assert!(stood_in.iter().all(|message| message.may_repeat), "it may be on both");
    // Now it is known to be down: nothing was tried there.
    world.publish(&batch("either", 2..3)).await;
    assert!(!take(&*world.a.memory, "either", 1).await[0].may_repeat);
    world.b.switch(Power::On);
    world.until(1, true).await;
    world.publish(&batch("either", 3..4)).await;
    assert_eq!((world.a.depth("either").await, world.b.depth("either").await), (0, 1));
}

#[tokio::test]
async fn what_may_go_nowhere_else_waits_and_the_rest_does_not() {
    let world = world();
    world.b.switch(Power::Off);
    let mixed = [batch("either", 0..1), batch("b", 0..1), batch("a", 0..1)].concat();
    let fleet = world.fleet.clone();
    let publishing = async { fleet.publish(&mixed, Limit::Respect).await };
    let meanwhile = async {
        eventually("both others", || async {
            depth(&*world.a.memory, "either").await + depth(&*world.a.memory, "a").await == 2
        })
        .await;
        world.b.switch(Power::On);
    };
    let (published, ()) = futures_util::future::join(publishing, meanwhile).await;
    assert_eq!(published.unwrap(), [0; 0]);
    assert_eq!(world.b.take("b", 1).await, [0]);
}

#[tokio::test]
async fn a_consumer_goes_on_with_those_that_are_up_and_gets_the_lost_one_back() {
    let world = world();
    let mut consumer = world.fleet.consume(subscription(&["a", "b"])).await.unwrap();
    world.publish(&batch("b", 0..1)).await;
    let held = within("of b", consumer.pull(10)).await.unwrap();
    world.b.switch(Power::Off);
    let mut pull = consumer.pull(10);
    tokio::select! {
        _ = &mut pull => panic!("the loss of b is no delivery"),
        () = world.until(1, false) => {}
    }
    world.publish(&batch("a", 1..2)).await;
    let others = within("of a", pull).await.unwrap();
    assert_eq!(numbers(&others), [1]);
    world.fleet.settle(others.iter().map(acked).collect()).await.unwrap();
    // What b gave has gone back with its consumer: nobody waits for that.
    within("the rest", world.fleet.settle(held.iter().map(acked).collect())).await.unwrap();
    world.b.switch(Power::On);
    let again = within("b to come back", consumer.pull(10)).await.unwrap();
    assert!(again[0].redelivered && numbers(&again) == [0]);
}

#[tokio::test]
async fn what_a_broker_could_not_be_told_it_is_told_when_it_is_back() {
    let world = world();
    world.publish(&batch("b", 0..1)).await;
    let mut consumer = world.fleet.consume(subscription(&["b"])).await.unwrap();
    let held = within("of b", consumer.pull(10)).await.unwrap();
    world.b.switch(Power::Off);
    world.fleet.settle(held.iter().map(acked).collect()).await.unwrap();
    world.b.switch(Power::On);
    eventually("the settlement", || async { world.b.memory.queues().await.unwrap().is_empty() })
        .await;
}

#[tokio::test]
async fn nobody_consumes_where_all_are_down_but_from_one_that_is_up() {
    let world = world();
    world.a.switch(Power::Off);
    world.b.switch(Power::Off);
    let refused = world.fleet.consume(subscription(&["a"])).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unreachable);
    world.b.switch(Power::On);
    let mut consumer = world.fleet.consume(subscription(&["a", "b"])).await.unwrap();
    world.a.switch(Power::On);
    world.until(0, true).await;
    world.publish(&batch("a", 0..1)).await;
    assert_eq!(numbers(&within("of a", consumer.pull(1)).await.unwrap()), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_near_by_does_not_starve_one_that_is_far() {
    let world = world_of(Outage::new(), Outage::far(Duration::from_millis(2)));
    world.publish(&batch("a", 0..1000)).await;
    world.publish(&batch("b", 5000..5010)).await;
    let mut consumer = world.fleet.consume(subscription(&["a", "b"])).await.unwrap();
    let mut far = 0;
    for _ in 0..40 {
        let pulled = within("a pull", consumer.pull(4)).await.unwrap();
        far += numbers(&pulled).iter().filter(|number| **number >= 5000).count();
        world.fleet.settle(pulled.iter().map(acked).collect()).await.unwrap();
    }
    assert_eq!(far, 10, "of the far one in 40 pulls of two each");
}

#[tokio::test]
async fn queues_and_purges_are_those_of_all() {
    let world = world();
    world.publish(&[batch("a", 0..2), batch("b", 0..3)].concat()).await;
    world.b.memory.publish(&batch("a", 7..8), Limit::Respect).await.unwrap();
    let queues = world.fleet.queues().await.unwrap();
    let ready = Vec::from_iter(queues.iter().map(|queue| (queue.name.as_str(), queue.ready)));
    assert_eq!(ready, [("a", 3), ("b", 3)]);
    assert_eq!(world.fleet.purge(&"a".into()).await.unwrap(), 3);
    world.b.switch(Power::Off);
    assert_eq!(world.fleet.queues().await.unwrap().len(), 0, "b does not answer");
    assert!(world.fleet.purge(&"b".into()).await.is_err());
}

#[tokio::test]
async fn senders_to_one_broker_do_not_wait_for_another() {
    let world = world();
    let lanes = (&world.couriers[..], routes());
    let store = world.a.memory.clone();
    let drivers = (world.fleet.clone() as Arc<dyn Broker>, store as _);
    let publisher = Publisher::start_over(&world.system, drivers, lanes, Options::default());
    world.b.switch(Power::Off);
    let waiting = publisher.publish(batch("b", 0..1));
    let meanwhile = async {
        world.until(1, false).await;
        for number in 0..10 {
            let sent = publisher.publish(batch("a", number..number + 1));
            within("a sender to a", sent).await.unwrap();
        }
        assert_eq!(world.couriers[1].report().in_memory, 1);
        world.b.switch(Power::On);
    };
    let (waited, ()) = futures_util::future::join(waiting, meanwhile).await;
    waited.unwrap();
    assert_eq!((world.a.depth("a").await, world.b.depth("b").await), (10, 1));
}
