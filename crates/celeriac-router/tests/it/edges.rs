//! Sources and sinks: the process may die, or a driver fail, at any point.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, Scope, id_of};
use celeriac_core::store::{Filter, Quarantine as _, Reason};
use celeriac_core::{
    BoxFuture, Broker, ContentType, Error, ErrorKind, Message, MessageId, Name, QueueName, Sink,
    Source, Store, Timestamp, sink,
};
use celeriac_embedded::Memory;
use celeriac_router::{Edges, SinkOf, SourceOf};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;
use jumpstarter::{State, System};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::fixture::take;

const NUMBERS: Name = Name::from_static("numbers");

/// Counts: each number is a document, as far as `end`.
#[derive(Clone)]
struct Numbers {
    end: u64,
    told: Arc<Mutex<Vec<&'static str>>>,
    news: Arc<Notify>,
}

impl Numbers {
    fn until(end: u64) -> Self {
        Self { end, told: Arc::default(), news: Arc::default() }
    }
}

impl Source for Numbers {
    fn scope(&self) -> Scope {
        Scope::Each
    }

    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        _: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(async move {
            let next = cursor.map_or(0, |bytes| u64::from(bytes[0]) + 1);
            if next >= self.end {
                std::future::pending::<()>().await;
            }
            let id = id_of(Timestamp::from_millis(next), "number");
            let documents = vec![Document::json(id, next.to_string())];
            Ok(Polled { documents, cursor: Some(Bytes::from(vec![next as u8])) })
        })
    }

    fn confirm(&mut self) -> BoxFuture<'_, ()> {
        self.told.lock().push("confirmed");
        self.news.notify_one();
        Box::pin(std::future::ready(()))
    }

    fn reject(&mut self) -> BoxFuture<'_, ()> {
        self.told.lock().push("rejected");
        Box::pin(std::future::ready(()))
    }
}

struct Process {
    system: System,
    edges: Edges,
}

impl Process {
    fn start(
        memory: &Arc<Memory>,
        plan: &Arc<Plan>,
        sinks: Vec<SinkOf>,
        sources: Vec<SourceOf>,
    ) -> Self {
        let system = System::new("test");
        let drivers = (
            Faulty::broker(memory.clone() as Arc<dyn Broker>, plan),
            Faulty::store(memory.clone() as Arc<dyn Store>, plan),
        );
        let edges = Edges::start(&system, drivers, "test", sinks, sources);
        Self { system, edges }
    }

    fn reading(memory: &Arc<Memory>, plan: &Arc<Plan>, numbers: &Numbers) -> Self {
        let numbers = numbers.clone();
        let make = move || Box::new(numbers.clone()) as Box<dyn Source>;
        let source = SourceOf { name: NUMBERS.as_str().to_owned(), make: Arc::new(make) };
        Self::start(memory, plan, Vec::new(), vec![source])
    }

    async fn die(self) {
        self.system.shutdown(Duration::ZERO).await;
    }
}

async fn waiting(memory: &Memory, queue: &QueueName) -> u64 {
    let queues = memory.queues().await.unwrap();
    let stats = queues.iter().find(|stats| stats.name == *queue);
    stats.map_or(0, |stats| stats.ready + stats.in_flight)
}

/// What was published of the numbers, by id, in order.
async fn published(memory: &Memory) -> Vec<(MessageId, u64)> {
    let (_consumer, taken) = take(memory, &QueueName::DEFAULT).await;
    let message = |delivery: &celeriac_core::broker::Delivery| {
        let message = delivery.payload.as_ref().unwrap();
        assert_eq!((&message.name, message.may_repeat), (&NUMBERS, true));
        (message.id, std::str::from_utf8(&message.body).unwrap().parse().unwrap())
    };
    taken.iter().map(message).collect()
}

fn expected(end: u64) -> Vec<(MessageId, u64)> {
    let id = |number| id_of(Timestamp::from_millis(number), "number").derive(NUMBERS.as_str());
    (0..end).map(|number| (id(number), number)).collect()
}

/// The process dies at one point of a source's turn; another one goes on.
async fn source_survives(operation: Operation, call: u64, death: Effect) {
    let (memory, plan) = (Memory::new(Default::default()), Plan::new());
    plan.fail(operation, call, death);
    let first = Process::reading(&memory, &plan, &Numbers::until(3));
    eventually("its death", || async { plan.is_dead() }).await;
    first.die().await;

    let numbers = Numbers::until(5);
    let second = Process::reading(&memory, &Plan::new(), &numbers);
    eventually("all numbers", || async {
        let (_consumer, taken) = match waiting(&memory, &QueueName::DEFAULT).await {
            0..5 => return false,
            _ => take(&memory, &QueueName::DEFAULT).await,
        };
        taken.last().unwrap().payload.as_ref().unwrap().body == "4"
    })
    .await;
    second.die().await;
    let mut published = published(&memory).await;
    let repeated = published.len() - 5;
    assert!(repeated <= 1, "{operation:?} {death:?}: {published:?}");
    published.dedup();
    assert_eq!(published, expected(5), "{operation:?} {death:?}: in order, under the same ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_goes_on_wherever_its_process_dies() {
    for operation in
        [Operation::Entries, Operation::Publish, Operation::Forget, Operation::Complete]
    {
        for death in [Effect::DieBefore, Effect::DieAfter] {
            // The cursor is read once.
            let calls = if operation == Operation::Entries { 1..=1 } else { 1..=2 };
            for call in calls {
                source_survives(operation, call, death).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_told_what_became_of_its_documents() {
    for operation in [Operation::Publish, Operation::Complete] {
        let (memory, plan) = (Memory::new(Default::default()), Plan::new());
        plan.fail(operation, 2, Effect::Refuse(ErrorKind::Unreachable));
        let numbers = Numbers::until(3);
        let process = Process::reading(&memory, &plan, &numbers);
        eventually("three confirmations", || async { numbers.told.lock().len() >= 4 }).await;
        let told = numbers.told.lock().clone();
        assert_eq!(told, ["confirmed", "rejected", "confirmed", "confirmed"], "{operation:?}");
        let mut published = published(&memory).await;
        published.dedup();
        assert_eq!(published, expected(3));
        process.die().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_waits_for_room() {
    let options = celeriac_embedded::Options { queue_limit: 2, ..Default::default() };
    let memory = Memory::new(options);
    let process = Process::reading(&memory, &Plan::new(), &Numbers::until(4));
    eventually("a full queue", || async { waiting(&memory, &QueueName::DEFAULT).await == 2 }).await;
    let mut all = Vec::new();
    while all.len() < 4 {
        let (_consumer, taken) = take(&memory, &QueueName::DEFAULT).await;
        for delivery in taken {
            all.push(delivery.payload.unwrap().body.clone());
            let verdict = celeriac_core::broker::Verdict::Ack;
            let receipt = delivery.receipt;
            let settlement = celeriac_core::broker::Settlement { receipt, verdict };
            memory.settle(vec![settlement]).await.unwrap();
        }
    }
    assert_eq!(all, ["0", "1", "2", "3"]);
    process.die().await;
}

/// Finds something only after its lease was renewed twice.
struct Slow {
    plan: Arc<Plan>,
    polls: Arc<Mutex<u64>>,
}

impl Source for Slow {
    fn poll<'a>(&'a mut self, _: Option<&'a Bytes>, _: usize) -> BoxFuture<'a, Result<Polled>> {
        *self.polls.lock() += 1;
        Box::pin(async move {
            eventually("renewals", async || self.plan.calls(Operation::Claim) > 2).await;
            let id = id_of(Timestamp::from_millis(0), "slow");
            let documents = vec![Document::json(id, "1")];
            Ok(Polled { documents, cursor: Some(Bytes::from_static(b"1")) })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_may_take_longer_than_its_lease_lasts() {
    let (memory, plan) = (Memory::new(Default::default()), Plan::new());
    let polls = Arc::<Mutex<u64>>::default();
    let (given, counted) = (plan.clone(), polls.clone());
    let make =
        move || Box::new(Slow { plan: given.clone(), polls: counted.clone() }) as Box<dyn Source>;
    let source = SourceOf { name: NUMBERS.as_str().to_owned(), make: Arc::new(make) };
    plan.fail(Operation::Publish, 2, Effect::DieBefore);
    let process = Process::start(&memory, &plan, Vec::new(), vec![source]);
    eventually("a document", async || waiting(&memory, &QueueName::DEFAULT).await == 1).await;
    process.die().await;
    assert!(*polls.lock() <= 2, "a poll goes on while the lease is renewed: {polls:?}");
}

/// Keeps what it is given, unless it is down, refuses it or panics over it.
#[derive(Clone, Default)]
struct Kept {
    documents: Arc<Mutex<Vec<(MessageId, Bytes)>>>,
    is_down: Arc<AtomicBool>,
}

impl Kept {
    fn sink(&self, name: &str) -> SinkOf {
        let kept = self.clone();
        let make = move || Box::new(kept.clone()) as Box<dyn Sink>;
        SinkOf { name: name.to_owned(), make: Arc::new(make) }
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.documents.lock().iter().map(|(_, body)| body.clone()).collect()
    }
}

impl Sink for Kept {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let failed = |kind| Err(Error::new(kind, "write", "as the test says"));
            if self.is_down.load(SeqCst) {
                return failed(ErrorKind::Unreachable);
            }
            assert!(batch.iter().all(|document| document.body != "panic"), "panic");
            if batch.iter().any(|document| document.body == "refuse") {
                return failed(ErrorKind::Invalid);
            }
            let documents = batch.iter().map(|document| (document.id, document.body.clone()));
            self.documents.lock().extend(documents);
            Ok(())
        })
    }

    fn max_batch(&self) -> usize {
        3
    }
}

async fn give(memory: &Memory, name: &str, bodies: &[&'static str]) -> Vec<MessageId> {
    let document = |body: &&'static str| {
        let mut message = Message::document(Name::from_static("t"), ContentType::Json, *body);
        message.queue = sink::queue_of(name);
        Arc::new(message)
    };
    let batch: Vec<_> = bodies.iter().map(document).collect();
    memory.publish(&batch, Limit::Exceed).await.unwrap();
    batch.iter().map(|message| message.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_down_backs_up_alone_and_catches_up_in_order() {
    let memory = Memory::new(Default::default());
    let (up, down) = (Kept::default(), Kept::default());
    down.is_down.store(true, SeqCst);
    let sinks = vec![up.sink("up"), down.sink("down")];
    let process = Process::start(&memory, &Plan::new(), sinks, Vec::new());
    for name in ["up", "down"] {
        give(&memory, name, &["1", "2", "3", "4", "5"]).await;
    }
    eventually("the sink that works", || async { up.documents.lock().len() == 5 }).await;
    eventually("the other's failure", || async {
        let actors = process.system.snapshot();
        actors.iter().any(|actor| {
            actor.path.ends_with("sink.down") && actor.state.state() == State::Unhealthy
        })
    })
    .await;
    assert_eq!(waiting(&memory, &sink::queue_of("down")).await, 5);
    down.is_down.store(false, SeqCst);
    eventually("the backlog", || async { waiting(&memory, &sink::queue_of("down")).await == 0 })
        .await;
    assert_eq!(down.bodies(), ["1", "2", "3", "4", "5"]);
    process.edges.stop_sinks(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_refused_waits_for_a_person_and_stops_nobody() {
    let (memory, kept) = (Memory::new(Default::default()), Kept::default());
    let ids = give(&memory, "kept", &["1", "refuse", "2", "panic", "3"]).await;
    let sinks = vec![kept.sink("kept")];
    let process = Process::start(&memory, &Plan::new(), sinks, Vec::new());
    process.edges.stop_sinks(Duration::from_secs(30)).await;
    let mut bodies = kept.bodies();
    bodies.dedup();
    assert_eq!(bodies, ["1", "2", "3"]);
    let quarantined = memory.quarantined(&Filter::default(), 9).await.unwrap();
    let found: Vec<_> = quarantined.iter().map(|it| (it.content.id(), it.reason)).collect();
    // Listed in the order of the ids, which is chance within a millisecond.
    let mut expected = [(ids[1], Reason::Poisonous), (ids[3], Reason::Poisonous)];
    expected.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_goes_on_wherever_its_process_dies() {
    for (operation, death) in [
        (Operation::Pull, Effect::DieAfter),
        (Operation::Settle, Effect::DieBefore),
        (Operation::Settle, Effect::DieAfter),
    ] {
        let (memory, plan, kept) = (Memory::new(Default::default()), Plan::new(), Kept::default());
        plan.fail(operation, 2, death);
        let ids = give(&memory, "kept", &["1", "2", "3", "4", "5", "6", "7"]).await;
        let first = Process::start(&memory, &plan, vec![kept.sink("kept")], Vec::new());
        eventually("its death", || async { plan.is_dead() }).await;
        first.die().await;
        let second = Process::start(&memory, &Plan::new(), vec![kept.sink("kept")], Vec::new());
        second.edges.stop_sinks(Duration::from_secs(30)).await;
        let mut written: Vec<_> = kept.documents.lock().iter().map(|(id, _)| *id).collect();
        assert!(written.len() <= ids.len() + 3, "{operation:?} {death:?}: {written:?}");
        written.sort_unstable();
        written.dedup();
        let mut ids = ids;
        ids.sort_unstable();
        assert_eq!(written, ids, "{operation:?} {death:?}");
    }
}
