//! A publisher over a memory broker that fails by plan.

use std::sync::Arc;

use celeriac_core::broker::{Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Message, QueueName, Store};
use celeriac_embedded::Memory;
use celeriac_publisher::{Options, Publisher};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::Plan;
use celeriac_testkit::probe::within;
use jumpstarter::System;

pub(crate) struct World {
    pub(crate) memory: Arc<Memory>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) publisher: Publisher,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::limited(1_000_000)
    }

    pub(crate) fn limited(queue_limit: usize) -> Self {
        let options = celeriac_embedded::Options { queue_limit, ..Default::default() };
        Self::over(Memory::new(options), Plan::new())
    }

    pub(crate) fn over(memory: Arc<Memory>, plan: Arc<Plan>) -> Self {
        let broker = Faulty::broker(memory.clone() as Arc<dyn Broker>, &plan);
        let store = Faulty::store(memory.clone() as Arc<dyn Store>, &plan);
        let system = System::new("test");
        let publisher = Publisher::start(&system, broker, store, Options::default());
        Self { memory, plan, publisher }
    }

    pub(crate) async fn depth(&self, queue: &str) -> u64 {
        let queues = self.memory.queues().await.unwrap();
        let found = queues.iter().find(|stats| stats.name.as_str() == queue);
        found.map_or(0, |stats| stats.ready)
    }

    /// Takes `count` messages out of a queue, for good.
    pub(crate) async fn take(&self, queue: &str, count: usize) -> Vec<Arc<Message>> {
        let queues = vec![QueueName::from(queue)];
        let subscription = Subscription { queues, consumer: "test".to_owned() };
        let mut consumer = self.memory.consume(subscription).await.unwrap();
        let mut taken = Vec::new();
        while taken.len() < count {
            let pulled = within("messages", consumer.pull(count - taken.len())).await.unwrap();
            for delivery in pulled {
                let settlement = Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
                self.memory.settle(vec![settlement]).await.unwrap();
                taken.push(delivery.payload.unwrap());
            }
        }
        taken
    }
}
