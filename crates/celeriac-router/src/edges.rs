//! The edges: sources, from which documents come, and sinks, to which they go.
//! Each is an actor of its own; nothing else depends on one, or waits for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use celeriac_core::{Broker, MessageId, Sink, Source, Store, sink};
use jumpstarter::{Address, System};
use tokio::time::Instant;

use crate::egress::Egress;
use crate::ingress::Ingress;
use crate::service::tireless;

/// How often it is looked whether sinks have taken all, when they are stopped.
const LOOK: Duration = Duration::from_millis(10);

/// A sink by its name, and how it is made, for an actor that crashed too.
#[derive(Clone)]
pub struct SinkOf {
    /// Its name, which tasks say in `sinks`.
    pub name: String,
    /// Makes it.
    pub make: Arc<dyn Fn() -> Box<dyn Sink> + Send + Sync>,
}

/// A source by its name, and how it is made, for an actor that crashed too.
#[derive(Clone)]
pub struct SourceOf {
    /// Its name, which its documents bear.
    pub name: String,
    /// Makes it.
    pub make: Arc<dyn Fn() -> Box<dyn Source> + Send + Sync>,
}

/// Running sources and sinks.
#[derive(Clone)]
pub struct Edges {
    broker: Arc<dyn Broker>,
    sources: Vec<Address<Ingress>>,
    sinks: Vec<Running>,
}

#[derive(Clone)]
struct Running {
    name: String,
    address: Address<Egress>,
    is_failing: Arc<AtomicBool>,
}

impl Edges {
    /// Starts sources and sinks over a broker and a store. Whether they work
    /// shows in their state: one that does not is degraded or unhealthy, and
    /// tries again. `consumer` is who consumes, for people.
    #[must_use]
    pub fn start(
        system: &System,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        consumer: &str,
        sinks: Vec<SinkOf>,
        sources: Vec<SourceOf>,
    ) -> Self {
        // Each blocks no thread but its own: sinks write files, sources read folders.
        let options = || tireless().dedicated_thread();
        let drivers = (broker.clone(), store);
        let spawn_sink = |SinkOf { name, make }: SinkOf| {
            let is_failing = Arc::new(AtomicBool::new(false));
            let consumer = format!("{consumer}/{name}");
            let (drivers, told, queue) =
                (drivers.clone(), is_failing.clone(), sink::queue_of(&name));
            let address = system.spawn(&format!("sink.{name}"), options(), move || {
                let subscription = (queue.clone(), consumer.clone());
                Egress::new(make(), drivers.clone(), subscription, told.clone())
            });
            Running { name, address, is_failing }
        };
        let spawn_source = |SourceOf { name, make }: SourceOf| {
            let (drivers, holder) = (drivers.clone(), MessageId::new());
            system.spawn(&format!("source.{name}"), options(), move || {
                Ingress::new(name.clone(), make(), drivers.clone(), holder)
            })
        };
        let sinks = sinks.into_iter().map(spawn_sink).collect();
        let sources = sources.into_iter().map(spawn_source).collect();
        Self { broker, sources, sinks }
    }

    /// Stops the sources: what was found and is not published is found again.
    pub async fn stop_sources(&self) {
        for source in &self.sources {
            source.stop().await;
        }
    }

    /// Stops the sinks. Those that work write what waits for them, for as long
    /// as `grace`; the rest waits in the broker.
    pub async fn stop_sinks(&self, grace: Duration) {
        let end = Instant::now() + grace;
        while Instant::now() < end && self.is_at_work().await {
            tokio::time::sleep(LOOK).await;
        }
        for sink in &self.sinks {
            sink.address.stop().await;
        }
    }

    /// Whether something waits for a sink that works.
    async fn is_at_work(&self) -> bool {
        if self.sinks.is_empty() {
            return false;
        }
        // A broker that can't say has nothing to give either.
        let Ok(queues) = self.broker.queues().await else { return false };
        let mut working = self.sinks.iter().filter(|sink| !sink.is_failing.load(Relaxed));
        working.any(|sink| {
            let queue = sink::queue_of(&sink.name);
            queues.iter().any(|stats| stats.name == queue && stats.ready + stats.in_flight > 0)
        })
    }
}

impl fmt::Debug for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.sinks.iter().map(|sink| sink.name.as_str()).collect();
        let sources = self.sources.len();
        f.debug_struct("Edges").field("sinks", &names).field("sources", &sources).finish()
    }
}
