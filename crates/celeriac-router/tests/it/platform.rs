//! An execution platform that does what the test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::platform::{
    Finished, Outcomes, PlatformStats, Run, RunKey, RunResult, TaskInfo, TaskKind,
};
use celeriac_core::{
    BoxFuture, ContentType, ExecutionPlatform, Failure, MessageId, Name, QueueName, RetryPolicy,
};
use celeriac_testkit::probe::within;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) const TASK: Name = Name::from_static("t");

/// What a run comes to; `None` holds it until the test ends it.
type Script = dyn Fn(&Run) -> Option<RunResult> + Send + Sync;

pub(crate) struct Platform {
    script: Box<Script>,
    outcomes: OnceLock<Arc<dyn Outcomes>>,
    dispatched: Mutex<Vec<MessageId>>,
    held: Mutex<HashMap<RunKey, MessageId>>,
    /// What becomes of what is held when the platform is drained.
    drained: Mutex<RunResult>,
    news: Notify,
    /// Whether drains wait for the test, and whether one does.
    slow: bool,
    draining: AtomicBool,
    drain: Notify,
}

pub(crate) fn success() -> RunResult {
    RunResult::Success { content_type: ContentType::Json, value: Bytes::from_static(b"1") }
}

pub(crate) fn failure() -> RunResult {
    RunResult::Failed { failure: Failure::new("e", "it failed"), retry_after: None }
}

impl Platform {
    pub(crate) fn new(
        script: impl Fn(&Run) -> Option<RunResult> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            outcomes: OnceLock::new(),
            dispatched: Mutex::default(),
            held: Mutex::default(),
            drained: Mutex::new(RunResult::Released),
            news: Notify::new(),
            slow: false,
            draining: AtomicBool::new(false),
            drain: Notify::new(),
        })
    }

    /// Whatever runs is held.
    pub(crate) fn holding() -> Arc<Self> {
        Self::new(|_| None)
    }

    /// Whatever runs is held, and a drain waits for [`Self::drain_now`].
    pub(crate) fn slow_to_drain() -> Arc<Self> {
        let mut platform = Self::holding();
        Arc::get_mut(&mut platform).expect("not shared yet").slow = true;
        platform
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain_now(&self) {
        self.drain.notify_one();
    }

    pub(crate) fn drains_with(&self, result: RunResult) {
        *self.drained.lock() = result;
    }

    pub(crate) fn dispatched(&self) -> Vec<MessageId> {
        self.dispatched.lock().clone()
    }

    pub(crate) fn held(&self) -> Vec<MessageId> {
        self.held.lock().values().copied().collect()
    }

    /// Waits until that many runs were dispatched in all.
    pub(crate) async fn dispatches(&self, count: usize) {
        let reached = async {
            while self.dispatched.lock().len() < count {
                self.news.notified().await;
            }
        };
        within("dispatches", reached).await;
    }

    /// Ends everything that is held.
    pub(crate) fn finish_all(&self, result: &RunResult) {
        let held = std::mem::take(&mut *self.held.lock());
        let finished = |key| Finished { key, result: result.clone() };
        self.report(held.into_keys().map(finished).collect());
    }

    fn report(&self, batch: Vec<Finished>) {
        self.outcomes.get().expect("connected").finished(batch);
    }
}

impl ExecutionPlatform for Platform {
    fn tasks(&self) -> Arc<[TaskInfo]> {
        let task = TaskInfo {
            name: TASK,
            kind: TaskKind::Async,
            queue: QueueName::DEFAULT,
            retry: RetryPolicy::immediate(3),
            result_ttl: Duration::from_secs(3600),
            ignore_result: false,
            sinks: Vec::new(),
        };
        [task].into()
    }

    fn concurrency(&self) -> usize {
        1
    }

    fn stats(&self) -> PlatformStats {
        PlatformStats { running: self.held.lock().len() as u64, ..PlatformStats::default() }
    }

    fn connect(&self, outcomes: Arc<dyn Outcomes>) {
        assert!(self.outcomes.set(outcomes).is_ok(), "connected once");
    }

    fn dispatch(&self, batch: Vec<Run>) {
        let mut finished = Vec::new();
        for run in batch {
            self.dispatched.lock().push(run.message.id);
            match (self.script)(&run) {
                Some(result) => finished.push(Finished { key: run.key, result }),
                None => drop(self.held.lock().insert(run.key, run.message.id)),
            }
        }
        self.report(finished);
        self.news.notify_one();
    }

    fn cancel(&self, keys: Vec<RunKey>) {
        let was_held = |key: &RunKey| self.held.lock().remove(key).is_some();
        let cancelled = keys.into_iter().filter(was_held);
        self.report(cancelled.map(|key| Finished { key, result: RunResult::Revoked }).collect());
    }

    fn drain(&self, _grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.draining.store(true, Ordering::Relaxed);
            if self.slow {
                self.drain.notified().await;
            }
            let result = self.drained.lock().clone();
            self.finish_all(&result);
        })
    }
}
