//! The app under test. Everything else here works with any app.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use celeriac::{App, AsyncResult, Config, RetryPolicy, TaskState};
use celeriac_testkit::probe::{eventually, within};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

/// Tries at once, so that no test waits.
pub(crate) const AT_ONCE: RetryPolicy = RetryPolicy::immediate(3);

/// In memory; with `CELERIAC_CRASH_DURABLE` set, in a fresh directory each, so
/// that the same promises are tested there (`cargo xtask test` does both).
pub(crate) fn app() -> App {
    if std::env::var_os("CELERIAC_CRASH_DURABLE").is_none() {
        return App::memory();
    }
    // Kept: the app outlives this function. `cargo clean` removes it.
    let below = env!("CARGO_TARGET_TMPDIR");
    App::embedded(tempfile::tempdir_in(below).unwrap().keep()).unwrap()
}

/// The app with another configuration.
pub(crate) fn app_with(change: impl FnOnce(&mut Config)) -> App {
    let app = app();
    let mut config = app.config().clone();
    change(&mut config);
    app.with_config(config).unwrap()
}

/// The state that a task ends in.
pub(crate) async fn end<T>(result: &AsyncResult<T>) -> TaskState {
    let states = result.states().map(|entry| entry.unwrap().state);
    let last = states.fold(TaskState::Pending, |_, state| std::future::ready(state));
    within("the end of a task", last).await
}

pub(crate) async fn get<T: DeserializeOwned>(result: &AsyncResult<T>) -> T {
    within("a result", result.get()).await.unwrap()
}

pub(crate) async fn failure<T: DeserializeOwned>(result: &AsyncResult<T>) -> String {
    match within("a failure", result.get()).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it succeeded"),
    }
}

/// Waits until a task is in that state.
pub(crate) async fn reaches<T>(result: &AsyncResult<T>, state: TaskState) {
    let what = format!("the state {state}");
    eventually(&what, || async { result.state().await.unwrap() == state }).await;
}

/// Waits until the broker holds nothing.
pub(crate) async fn empty(app: &App) {
    eventually("empty queues", || async { app.queues().await.unwrap().is_empty() }).await;
}

/// Counts what tasks do; provided to them as a state.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Holds tasks until the test lets them go; provided to them as a state.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1_000_000);
    }
}
