//! A running worker: router and execution platform in this process.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use celeriac_core::sink::STORE;
use celeriac_core::{ExecutionPlatform, QueueName, RetryPolicy};
use celeriac_engine::{Breakers, Limits};
use celeriac_router::{Checks, Edges, Service};
use celeriac_worker::TimeLimits;

use crate::app::{App, Registry};
use crate::config::Config;
use crate::connect::{Error, host_name};
use crate::health::{Findings, checks_of, documents_of};
use crate::task::TaskDefaults;

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The app could not connect.
    #[error(transparent)]
    Connect(#[from] Error),
    /// A task asks for a state that the app does not provide.
    #[error(transparent)]
    State(#[from] celeriac_worker::MissingState),
    /// A part of the worker did not start.
    #[error(transparent)]
    Router(#[from] celeriac_router::StartError),
    /// The configuration declares a check that can't be.
    #[error("the check `{name}`: {reason}")]
    Check {
        /// The check.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A worker that runs in this process until it is stopped. Dropping the handle
/// changes nothing.
#[derive(Clone)]
pub struct Worker {
    service: Service,
    edges: Edges,
    checks: Checks,
    name: String,
    grace: Duration,
}

impl App {
    /// Starts a worker for every registered task in this process.
    ///
    /// # Errors
    /// [`StartError`] when the app can't connect, a task's state is missing, or
    /// a part of the worker does not start.
    pub async fn start_worker(&self) -> Result<Worker, StartError> {
        let connection = self.connection().await?;
        let (config, mut registry) = (self.config(), self.registry());
        registry.states.insert(Arc::new(self.clone()));
        let defaults = task_defaults(config);
        add_declared_checks(config, &mut registry)?;
        let findings = Findings::default();
        let mut definitions = documents_of(&mut registry, &findings);
        definitions.extend(registry.tasks.iter().map(|task| task.definition(&defaults)));
        let platform: Arc<dyn ExecutionPlatform> = Arc::new(celeriac_worker::Worker::start(
            &connection.system,
            connection.store.clone(),
            definitions,
            registry.states.clone(),
            worker_options(config),
        )?);
        let name = node_name(config);
        let options = celeriac_router::Options {
            node: name.clone(),
            queues: queues(config, &registry),
            limits: Limits { deaths: config.worker.max_deaths },
            breakers: breakers(config, &registry),
            connections: self.connections().clone(),
            board: connection.board.clone(),
        };
        let drivers = (connection.broker.clone(), connection.store.clone());
        warn_of_missing_sinks(&registry);
        let all_checks = checks_of(self, connection, &registry);
        let Registry { subscriptions, sinks, sources, .. } = registry;
        let system = &connection.system;
        let service = Service::start(system, drivers.clone(), platform, subscriptions, options);
        let service = service.await?;
        let checks = Checks::start(system, &connection.store, &service, all_checks);
        // Set here only.
        let _ = findings.set(checks.clone());
        let edges = Edges::start(system, drivers, &name, sinks, sources);
        Ok(Worker { service, edges, checks, name, grace: config.worker.grace })
    }
}

impl Worker {
    /// The worker's name, as `celeriac inspect` shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops gracefully: takes no more, lets running tasks go on for the
    /// configured grace, stores every outcome, gives the rest back. What the
    /// sinks have not written by then waits in the broker.
    pub async fn stop(&self) {
        self.stop_within(self.grace).await;
    }

    /// As [`Self::stop`] with another grace.
    pub async fn stop_within(&self, grace: Duration) {
        self.checks.stop().await;
        self.edges.stop_sources().await;
        let began = Instant::now();
        self.service.stop(grace).await;
        self.edges.stop_sinks(grace.saturating_sub(began.elapsed())).await;
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A sink may be another process's; it may also be a slip of the pen.
fn warn_of_missing_sinks(registry: &Registry) {
    let declared = |name: &str| registry.sinks.iter().any(|sink| sink.name == name);
    for task in &registry.tasks {
        for sink in task.sinks().iter().filter(|name| **name != STORE && !declared(name)) {
            tracing::warn!(task = %task.name, sink,
                "no such sink is declared here: its documents wait for a process that does");
        }
    }
}

/// What is declared in code goes before what the configuration says.
fn add_declared_checks(config: &Config, registry: &mut Registry) -> Result<(), StartError> {
    for (name, check) in &config.checks {
        if registry.checks.iter().all(|other| other.name != *name) {
            let failed = |reason| StartError::Check { name: name.clone(), reason };
            registry.checks.push(check.build(name).map_err(failed)?);
        }
    }
    Ok(())
}

fn breakers(config: &Config, registry: &Registry) -> Breakers {
    let own = registry.tasks.iter().map(|task| (task.name.clone(), task.breaker(&config.breakers)));
    Breakers { default: None, tasks: own.collect() }
}

fn task_defaults(config: &Config) -> TaskDefaults {
    let tasks = &config.tasks;
    TaskDefaults {
        retry: RetryPolicy {
            max_attempts: tasks.max_attempts,
            initial: tasks.retry_initial,
            cap: tasks.retry_cap,
        },
        result_ttl: tasks.result_ttl,
        limits: TimeLimits { soft: tasks.soft_time_limit, hard: tasks.time_limit },
    }
}

fn worker_options(config: &Config) -> celeriac_worker::Options {
    let defaults = celeriac_worker::Options::default();
    let threads = match config.worker.threads {
        0 => defaults.threads,
        threads => threads,
    };
    celeriac_worker::Options { concurrency: config.worker.concurrency, threads }
}

fn queues(config: &Config, registry: &Registry) -> Vec<QueueName> {
    let configured = &config.worker.queues;
    if !configured.is_empty() {
        return configured.iter().map(|queue| QueueName::from(queue.as_str())).collect();
    }
    let of_tasks = registry.tasks.iter().map(crate::task::Registered::queue);
    let all: BTreeSet<_> = of_tasks.chain([QueueName::DEFAULT]).collect();
    all.into_iter().collect()
}

fn node_name(config: &Config) -> String {
    static WORKERS: AtomicU32 = AtomicU32::new(1);
    if !config.worker.name.is_empty() {
        return config.worker.name.clone();
    }
    let host = host_name();
    let number = WORKERS.fetch_add(1, Ordering::Relaxed);
    format!("worker@{host}-{}-{number}", std::process::id())
}
