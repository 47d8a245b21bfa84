//! Random operations against a simple model of one queue.

use std::collections::VecDeque;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Consumer, Message, MessageId, Name, Priority};
use celeriac_embedded::{Memory, Options};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<u8>),
    Pull(usize),
    Settle(Vec<(usize, bool)>),
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::collection::vec(0u8..10, 1..6).prop_map(Step::Publish),
        (1usize..8).prop_map(Step::Pull),
        proptest::collection::vec((0usize..16, any::<bool>()), 1..6).prop_map(Step::Settle),
        Just(Step::Reconnect),
    ]
}

/// What the queue should hold: ids by priority, and what is in flight.
#[derive(Default)]
struct Model {
    lanes: [VecDeque<(u64, MessageId, bool)>; 10],
    in_flight: Vec<(u64, u8, MessageId, Delivery)>,
    published: u64,
}

impl Model {
    fn publish(&mut self, message: &Message) {
        self.lanes[usize::from(message.priority.get())].push_back((
            self.published,
            message.id,
            false,
        ));
        self.published += 1;
    }

    fn pull(&mut self, credit: usize) -> Vec<(u64, u8, MessageId, bool)> {
        let mut taken = Vec::new();
        for priority in (0..10u8).rev() {
            while taken.len() < credit
                && let Some((order, id, again)) = self.lanes[usize::from(priority)].pop_front()
            {
                taken.push((order, priority, id, again));
            }
        }
        taken
    }

    fn requeue(&mut self, mut back: Vec<(u64, u8, MessageId, Delivery)>) {
        back.sort_by_key(|held| std::cmp::Reverse(held.0));
        for (order, priority, id, _) in back {
            self.lanes[usize::from(priority)].push_front((order, id, true));
        }
    }

    fn ready(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }
}

async fn consume(broker: &dyn Broker) -> Box<dyn Consumer> {
    let subscription =
        Subscription { queues: vec!["default".into()], consumer: "model".to_owned() };
    broker.consume(subscription).await.unwrap()
}

async fn run(broker: &dyn Broker, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut consumer = consume(broker).await;
    for step in steps {
        match step {
            Step::Publish(priorities) => {
                let batch: Vec<Arc<Message>> = priorities
                    .into_iter()
                    .map(|priority| {
                        let mut message = Message::command(Name::from_static("t"), "");
                        message.priority = Priority::new(priority).unwrap();
                        message.into()
                    })
                    .collect();
                broker.publish(&batch, Limit::Respect).await.unwrap();
                batch.iter().for_each(|message| model.publish(message));
            }
            Step::Pull(credit) if model.ready() > 0 => {
                let pulled = consumer.pull(credit).await.unwrap();
                let expected = model.pull(credit);
                assert_eq!(pulled.len(), expected.len());
                for (delivery, (order, priority, id, again)) in pulled.into_iter().zip(expected) {
                    assert_eq!(delivery.payload.as_ref().unwrap().id, id);
                    assert_eq!(delivery.redelivered, again);
                    model.in_flight.push((order, priority, id, delivery));
                }
            }
            Step::Pull(_) => {}
            Step::Settle(choices) => {
                let (mut batch, mut back) = (Vec::new(), Vec::new());
                for (choice, requeue) in choices {
                    if model.in_flight.is_empty() {
                        break;
                    }
                    let held = model.in_flight.remove(choice % model.in_flight.len());
                    let verdict = if requeue { Verdict::Requeue } else { Verdict::Ack };
                    let receipt = held.3.receipt;
                    batch.push(Settlement { receipt, verdict });
                    if requeue {
                        back.push(held);
                    }
                }
                broker.settle(batch).await.unwrap();
                model.requeue(back);
            }
            Step::Reconnect => {
                drop(consumer);
                let back = std::mem::take(&mut model.in_flight);
                model.requeue(back);
                consumer = consume(broker).await;
            }
        }
        let stats = broker.queues().await.unwrap();
        let ready = stats.first().map_or(0, |queue| queue.ready);
        let in_flight = stats.first().map_or(0, |queue| queue.in_flight);
        assert_eq!((ready, in_flight), (model.ready() as u64, model.in_flight.len() as u64));
    }
}

proptest! {
    #[test]
    fn the_broker_in_memory_keeps_order_and_priority(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&*Memory::new(Options::default()), steps));
    }
}
