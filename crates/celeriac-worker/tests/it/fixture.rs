//! A worker with one task, and the router's end of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::outcome::Mark;
use celeriac_core::platform::{
    Finished, Outcomes, PlatformStats, Run, RunKey, RunResult, TaskInfo, TaskKind,
};
use celeriac_core::{ContentType, ExecutionPlatform, Message, Name, QueueName, RetryPolicy, Store};
use celeriac_testkit::probe::{eventually, within};
use celeriac_worker::{Body, Definition, Options, RunContext, States, TimeLimits, Worker};
use jumpstarter::System;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) const TASK: Name = Name::from_static("t");

/// What the worker reported.
#[derive(Default)]
pub(crate) struct Reports {
    finished: Mutex<HashMap<RunKey, RunResult>>,
    batches: AtomicUsize,
    pub(crate) marks: Mutex<Vec<Mark>>,
    pub(crate) lost: Mutex<Vec<Name>>,
    /// How often the next report makes the actor that brings it panic.
    pub(crate) crashes: AtomicUsize,
    news: Notify,
}

impl Outcomes for Reports {
    fn finished(&self, batch: Vec<Finished>) {
        let crashes = self.crashes.load(Ordering::SeqCst);
        if crashes > 0 {
            self.crashes.store(crashes - 1, Ordering::SeqCst);
            panic!("whoever reports this crashes");
        }
        self.batches.fetch_add(1, Ordering::SeqCst);
        for Finished { key, result } in batch {
            let former = self.finished.lock().insert(key, result);
            assert_eq!(former, None, "{key:?} was reported twice");
        }
        self.news.notify_one();
    }

    fn marked(&self, batch: Vec<Mark>) {
        self.marks.lock().extend(batch);
        self.news.notify_one();
    }

    fn lost(&self, task: Name) {
        self.lost.lock().push(task);
        self.news.notify_one();
    }
}

impl Reports {
    pub(crate) fn of(&self, key: RunKey) -> Option<RunResult> {
        self.finished.lock().get(&key).cloned()
    }

    pub(crate) fn count(&self) -> usize {
        self.finished.lock().len()
    }

    pub(crate) fn batches(&self) -> usize {
        self.batches.load(Ordering::SeqCst)
    }

    /// Waits until `condition` holds; it is asked after each report.
    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            self.news.notified().await;
        }
    }
}

pub(crate) struct World {
    pub(crate) worker: Worker,
    pub(crate) reports: Arc<Reports>,
    pub(crate) system: System,
    next: AtomicU64,
}

impl World {
    pub(crate) fn start(definition: Definition) -> Self {
        Self::with(definition, Options { concurrency: 100, threads: 2 })
    }

    pub(crate) fn with(definition: Definition, options: Options) -> Self {
        let system = System::new("test");
        let worker =
            Worker::start(&system, store(), vec![definition], States::default(), options).unwrap();
        let reports = Arc::new(Reports::default());
        worker.connect(reports.clone());
        Self { worker, reports, system, next: AtomicU64::new(1) }
    }

    pub(crate) fn run(&self, message: Message) -> RunKey {
        let key = RunKey(self.next.fetch_add(1, Ordering::Relaxed));
        self.worker.dispatch(vec![Run { key, message: message.into() }]);
        key
    }

    pub(crate) fn run_many(&self, count: usize) -> Vec<RunKey> {
        let run = |_| {
            let key = RunKey(self.next.fetch_add(1, Ordering::Relaxed));
            Run { key, message: command().into() }
        };
        let batch: Vec<_> = (0..count).map(run).collect();
        let keys = batch.iter().map(|run| run.key).collect();
        self.worker.dispatch(batch);
        keys
    }

    pub(crate) async fn end(&self, key: RunKey) -> RunResult {
        self.reports.until(|reports| reports.of(key).is_some()).await;
        self.reports.of(key).unwrap()
    }

    pub(crate) async fn ends(&self, count: usize) {
        within("the ends", self.reports.until(|reports| reports.count() >= count)).await;
    }

    pub(crate) async fn stats(&self, what: &str, expected: impl Fn(PlatformStats) -> bool) {
        eventually(what, || async { expected(self.worker.stats()) }).await;
    }
}

/// Nothing here is read but what a test puts there.
pub(crate) fn store() -> Arc<dyn Store> {
    celeriac_embedded::Memory::new(Default::default())
}

pub(crate) fn command() -> Message {
    Message::command(TASK, "")
}

pub(crate) fn success() -> RunResult {
    RunResult::Success { content_type: ContentType::Json, value: Bytes::from_static(b"1") }
}

/// The kind of failure of a run.
pub(crate) fn failure_of(result: &RunResult) -> &str {
    match result {
        RunResult::Failed { failure, .. } => &failure.kind,
        other => panic!("{other:?} is no failure"),
    }
}

pub(crate) fn async_task<F>(body: impl Fn(RunContext) -> F + Send + Sync + 'static) -> Definition
where
    F: Future<Output = RunResult> + Send + 'static,
{
    let body = move |context| Box::pin(body(context)) as celeriac_core::BoxFuture<'static, _>;
    definition(Body::Async(Arc::new(body)))
}

pub(crate) fn sync_task(
    body: impl Fn(RunContext) -> RunResult + Send + Sync + 'static,
) -> Definition {
    definition(Body::Sync(Arc::new(body)))
}

fn definition(body: Body) -> Definition {
    let kind = match body {
        Body::Async(_) => TaskKind::Async,
        Body::Sync(_) => TaskKind::Sync,
    };
    let info = TaskInfo {
        name: TASK,
        kind,
        queue: QueueName::DEFAULT,
        retry: RetryPolicy::default(),
        result_ttl: Duration::from_secs(60),
        ignore_result: false,
        sinks: Vec::new(),
    };
    let limits = TimeLimits::default();
    let schema = serde_json::Value::Null;
    Definition { info, limits, concurrency: None, needs: Vec::new(), schema, body }
}

pub(crate) fn hard(limit: Duration) -> TimeLimits {
    TimeLimits { soft: None, hard: Some(limit) }
}

/// Counts how many are inside at once, and the most that ever were.
#[derive(Default)]
pub(crate) struct Crowd {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    pub(crate) fn enter(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}
