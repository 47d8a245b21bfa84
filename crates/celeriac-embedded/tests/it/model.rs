//! Random operations against a simple model of one queue, in memory, on disk,
//! and on disk with next to no memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Consumer, Message, MessageId, Name, Priority};
use celeriac_embedded::{Durable, Memory, Options};
use jumpstarter::System;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<u8>),
    Pull(usize),
    Settle(Vec<(usize, bool)>),
    Reconnect,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::collection::vec(0u8..10, 1..6).prop_map(Step::Publish),
        (1usize..8).prop_map(Step::Pull),
        proptest::collection::vec((0usize..16, any::<bool>()), 1..6).prop_map(Step::Settle),
        Just(Step::Reconnect),
        Just(Step::Reopen),
    ]
}

/// In flight: its order, priority and id.
type Held = (u64, u8, MessageId, Delivery);

/// What the queue should hold: ids by priority, and what is in flight.
#[derive(Default)]
struct Model {
    lanes: [VecDeque<(u64, MessageId, bool)>; 10],
    in_flight: Vec<Held>,
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

    /// Takes deliveries out of flight; gives those that go back beside.
    fn settle(&mut self, choices: &[(usize, bool)]) -> (Vec<Settlement>, Vec<Held>) {
        let (mut batch, mut back) = (Vec::new(), Vec::new());
        for (choice, requeue) in choices {
            if self.in_flight.is_empty() {
                break;
            }
            let held = self.in_flight.remove(choice % self.in_flight.len());
            let verdict = if *requeue { Verdict::Requeue } else { Verdict::Ack };
            let receipt = held.3.receipt;
            batch.push(Settlement { receipt, verdict });
            if *requeue {
                back.push(held);
            }
        }
        (batch, back)
    }

    fn requeue(&mut self, mut back: Vec<Held>) {
        back.sort_by_key(|held| std::cmp::Reverse(held.0));
        for (order, priority, id, _) in back {
            self.lanes[usize::from(priority)].push_front((order, id, true));
        }
    }

    fn reopen(&mut self) {
        for (order, priority, id, _) in self.in_flight.drain(..) {
            self.lanes[usize::from(priority)].push_back((order, id, true));
        }
        for lane in &mut self.lanes {
            lane.make_contiguous().sort_by_key(|(order, ..)| *order);
            lane.iter_mut().for_each(|(.., again)| *again = true);
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

/// A broker that can be opened again, if it is durable.
trait Place {
    async fn open(&self) -> Arc<dyn Broker>;
}

struct InMemory;

impl Place for InMemory {
    async fn open(&self) -> Arc<dyn Broker> {
        Memory::new(Options::default())
    }
}

/// A directory, with that much of what waits in memory.
struct OnDisk {
    directory: tempfile::TempDir,
    system: System,
    window_bytes: usize,
}

impl Place for OnDisk {
    async fn open(&self) -> Arc<dyn Broker> {
        let options = Options { window_bytes: self.window_bytes, ..Options::default() };
        let opened = Durable::open(self.directory.path(), options, &self.system);
        opened.await.unwrap()
    }
}

async fn run(place: &impl Place, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut broker = place.open().await;
    let mut consumer = consume(&*broker).await;
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
                // What has to be read from disk first may come with the next pull.
                assert!((1..=credit).contains(&pulled.len()));
                let expected = model.pull(pulled.len());
                assert_eq!(pulled.len(), expected.len());
                for (delivery, (order, priority, id, again)) in pulled.into_iter().zip(expected) {
                    assert_eq!(delivery.payload.as_ref().unwrap().id, id);
                    assert_eq!(delivery.redelivered, again);
                    model.in_flight.push((order, priority, id, delivery));
                }
            }
            Step::Pull(_) => {}
            Step::Settle(choices) => {
                let (batch, back) = model.settle(&choices);
                broker.settle(batch).await.unwrap();
                model.requeue(back);
            }
            Step::Reconnect => {
                drop(consumer);
                let back = std::mem::take(&mut model.in_flight);
                model.requeue(back);
                consumer = consume(&*broker).await;
            }
            Step::Reopen => {
                if broker.capability().durable {
                    broker.close().await;
                    broker = place.open().await;
                    consumer = consume(&*broker).await;
                    model.reopen();
                }
            }
        }
        let stats = broker.queues().await.unwrap();
        let ready = stats.first().map_or(0, |queue| queue.ready);
        let in_flight = stats.first().map_or(0, |queue| queue.in_flight);
        assert_eq!((ready, in_flight), (model.ready() as u64, model.in_flight.len() as u64));
    }
}

fn check(place: &impl Place, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(place, steps));
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..60)
}

fn check_on_disk(window_bytes: usize, steps: Vec<Step>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let place = OnDisk {
            directory: tempfile::tempdir().unwrap(),
            system: System::new("model"),
            window_bytes,
        };
        run(&place, steps).await;
        place.system.shutdown(Duration::from_secs(9)).await;
    });
}

proptest! {
    #[test]
    fn in_memory_order_and_priority_are_kept(steps in steps()) {
        check(&InMemory, steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn on_disk_order_and_priority_are_kept(steps in steps()) {
        check_on_disk(64 << 20, steps);
    }

    #[test]
    fn with_little_memory_order_and_priority_are_kept(
        steps in steps(),
        messages in 0usize..8
    ) {
        check_on_disk(256 * messages, steps);
    }
}
