//! The worker: one actor per task type, and the pool of threads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::outcome::Mark;
use celeriac_core::platform::{
    Finished, Outcomes, PlatformStats, Run, RunKey, RunResult, TaskInfo, TaskKind,
};
use celeriac_core::{BoxFuture, ExecutionPlatform, Name, Store};
use jumpstarter::{Address, Backoff, System, TryTellError};

use crate::context::States;
use crate::definition::Definition;
use crate::panics::Panics;
use crate::task_actor::{Cancel, Drain, EndAll, Runs, Shared, TaskActor};
use crate::threads::Threads;

/// Crashes in this time are counted together: the pause grows with them.
const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause between a crash and the next start.
const CRASH_PAUSE: Backoff =
    Backoff { first: Duration::from_millis(10), max: Duration::from_secs(1) };

/// How a worker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many runs of one async task may be under way at once, unless the
    /// task says otherwise. Default 100.
    pub concurrency: usize,
    /// How many threads sync tasks run on. Default: one per core.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { concurrency: 100, threads }
    }
}

/// A task asks for state that the app does not provide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the task `{task}` asks for a state of type `{state}`, which the app does not provide; \
     call `provide` with one before the worker starts"
)]
pub struct MissingState {
    task: Name,
    state: &'static str,
}

/// Where runs end up until a router connects; it connects before any dispatch.
#[derive(Default)]
struct Connection(OnceLock<Arc<dyn Outcomes>>);

impl Outcomes for Connection {
    fn finished(&self, batch: Vec<Finished>) {
        if let Some(outcomes) = self.0.get() {
            outcomes.finished(batch);
        }
    }

    fn marked(&self, batch: Vec<Mark>) {
        if let Some(outcomes) = self.0.get() {
            outcomes.marked(batch);
        }
    }

    fn lost(&self, task: Name) {
        if let Some(outcomes) = self.0.get() {
            outcomes.lost(task);
        }
    }
}

/// Runs async and sync tasks in this process.
pub struct Worker {
    actors: BTreeMap<Name, Address<TaskActor>>,
    tasks: Arc<[TaskInfo]>,
    schemas: Vec<serde_json::Value>,
    concurrency: usize,
    connection: Arc<Connection>,
    threads: Threads,
    panics: Panics,
    running: Arc<AtomicU64>,
    waiting: Arc<AtomicU64>,
}

impl Worker {
    /// Starts one actor per task in `system`; `store` is where results of
    /// groups are read that are too large for a message.
    ///
    /// # Errors
    /// [`MissingState`] when a task asks for a state that is not in `states`.
    pub fn start(
        system: &System,
        store: Arc<dyn Store>,
        definitions: Vec<Definition>,
        states: States,
        options: Options,
    ) -> Result<Self, MissingState> {
        for definition in &definitions {
            let missing = definition.needs.iter().find(|(id, _)| !states.contains(*id));
            if let Some((_, state)) = missing {
                return Err(MissingState { task: definition.info.name.clone(), state });
            }
        }
        let connection = Arc::new(Connection::default());
        let shared = Shared {
            outcomes: connection.clone(),
            store,
            states: Arc::new(states),
            threads: Threads::new(options.threads),
            panics: Panics::default(),
            running: Arc::default(),
            waiting: Arc::default(),
        };
        let schemas = definitions.iter().map(|definition| definition.schema.clone());
        let schemas = schemas.filter(|schema| !schema.is_null()).collect();
        let tasks = definitions.iter().map(|definition| definition.info.clone()).collect();
        let actors = definitions.into_iter().map(|definition| {
            let name = definition.info.name.clone();
            (name, spawn_task(system, definition, shared.clone(), options))
        });
        Ok(Self {
            actors: actors.collect(),
            tasks,
            schemas,
            concurrency: options.concurrency.max(options.threads),
            connection,
            threads: shared.threads,
            panics: shared.panics,
            running: shared.running,
            waiting: shared.waiting,
        })
    }

    fn dispatch_to(&self, name: &Name, runs: Vec<Run>) {
        let refused = match self.actors.get(name) {
            Some(actor) => match actor.try_tell(Runs(runs)) {
                Ok(()) => return,
                Err(TryTellError::Full(Runs(runs)) | TryTellError::Closed(Runs(runs))) => runs,
            },
            None => runs,
        };
        // The actor has stopped: what it can't take goes back.
        let released = |run: Run| Finished { key: run.key, result: RunResult::Released };
        self.connection.finished(refused.into_iter().map(released).collect());
    }
}

fn spawn_task(
    system: &System,
    definition: Definition,
    shared: Shared,
    options: Options,
) -> Address<TaskActor> {
    let most = match definition.info.kind {
        TaskKind::Async => options.concurrency,
        // Twice the threads, so that none waits for its next run.
        TaskKind::Sync => shared.threads.size() * 2,
    };
    let limit = definition.concurrency.unwrap_or(most).max(1);
    let definition = Arc::new(definition);
    let name = format!("task.{}", definition.info.name.as_str().replace('/', "_"));
    // Dispatchers can't wait; the router's credit bounds what can come.
    // A task that crashes its actor again and again must not halt its type.
    let actor_options =
        jumpstarter::Options::default().unbounded().intensity(u32::MAX, CRASH_WINDOW);
    let actor_options = actor_options.backoff(CRASH_PAUSE);
    let mut incarnation = 0u32;
    system.spawn(&name, actor_options, move || {
        if incarnation > 0 {
            shared.outcomes.lost(definition.info.name.clone());
        }
        incarnation += 1;
        TaskActor::new(definition.clone(), shared.clone(), limit)
    })
}

impl ExecutionPlatform for Worker {
    fn tasks(&self) -> Arc<[TaskInfo]> {
        self.tasks.clone()
    }

    fn schemas(&self) -> Vec<serde_json::Value> {
        self.schemas.clone()
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn stats(&self) -> PlatformStats {
        PlatformStats {
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            abandoned_threads: self.threads.abandoned() as u64,
            panics: self.panics.count(),
        }
    }

    fn connect(&self, outcomes: Arc<dyn Outcomes>) {
        // Called once, before the first dispatch; a second router would be a
        // second worker's.
        let _ = self.connection.0.set(outcomes);
    }

    fn dispatch(&self, batch: Vec<Run>) {
        let Some(first) = batch.first() else { return };
        let name = first.message.name.clone();
        if batch.iter().all(|run| run.message.name == name) {
            return self.dispatch_to(&name, batch);
        }
        let mut by_task: BTreeMap<Name, Vec<Run>> = BTreeMap::new();
        for run in batch {
            by_task.entry(run.message.name.clone()).or_default().push(run);
        }
        for (name, runs) in by_task {
            self.dispatch_to(&name, runs);
        }
    }

    fn cancel(&self, keys: Vec<RunKey>) {
        let keys: Arc<[RunKey]> = keys.into();
        for actor in self.actors.values() {
            // An actor that has stopped runs nothing.
            let _ = actor.try_tell(Cancel(keys.clone()));
        }
    }

    fn drain(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let drained = || {
                futures_util::future::join_all(self.actors.values().map(|actor| actor.ask(Drain)))
            };
            if tokio::time::timeout(grace, drained()).await.is_err() {
                for actor in self.actors.values() {
                    let _ = actor.try_tell(EndAll);
                }
                drained().await;
            }
            // What comes later is told that it goes back.
            futures_util::future::join_all(self.actors.values().map(Address::stop)).await;
            self.threads.close();
        })
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}
