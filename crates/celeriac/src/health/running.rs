//! From what was declared to what a worker runs.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::health::{Check, Finding, Scope};
use celeriac_core::platform::{RunResult, TaskInfo, TaskKind};
use celeriac_core::{BoxFuture, Failure, RetryPolicy, arguments};
use celeriac_engine::Subscription;
use celeriac_router::{BrokerCheck, CheckOf, Checks, Fuse, StoreCheck};
use celeriac_worker::{Body, Definition, RunContext, TimeLimits};

use super::Looks;
use crate::app::{App, Registry};
use crate::connect::Connection;

/// How long it is kept that a document was looked at.
const KEPT: Duration = Duration::from_secs(3600);

/// Where tasks that look at documents tell what they found: set when the
/// checks run.
pub(crate) type Findings = Arc<OnceLock<Checks>>;

/// Every check of a worker: those that were declared, and those of its
/// connections.
pub(crate) fn checks_of(app: &App, connection: &Connection, registry: &Registry) -> Vec<CheckOf> {
    let mut all = connections(app, connection);
    for check in &registry.checks {
        all.retain(|other| other.name != check.name);
        let app_of_check = app.clone();
        let make = match &check.looks {
            Looks::Itself(make) => {
                let make = make.clone();
                let make = move || make(&app_of_check);
                Some(Arc::new(make) as Arc<dyn Fn() -> Box<dyn Check> + Send + Sync>)
            }
            Looks::AtDocuments(..) => None,
        };
        all.push(CheckOf {
            name: check.name.clone(),
            make,
            every: check.every,
            timeout: check.longest(),
            scope: check.scope,
            states: check.states.clone(),
            guards: check.guards.clone(),
            fuse: app.fuse(&check.name),
        });
    }
    all
}

/// What makes a check.
type Make = dyn Fn() -> Box<dyn Check> + Send + Sync;

/// Whether broker and store answer.
fn connections(app: &App, connection: &Connection) -> Vec<CheckOf> {
    let every = app.config().health.connections_every;
    if every.is_zero() {
        return Vec::new();
    }
    let (broker, store) = (connection.broker.clone(), connection.store.clone());
    let circuits = app.connections();
    let makes: [(&str, &Fuse, Arc<Make>); 2] = [
        ("broker", &circuits.broker, Arc::new(move || Box::new(BrokerCheck::new(broker.clone())))),
        ("store", &circuits.store, Arc::new(move || Box::new(StoreCheck::new(store.clone())))),
    ];
    let check = |(name, fuse, make): (&str, &Fuse, _)| CheckOf {
        name: name.to_owned(),
        make: Some(make),
        every,
        timeout: every,
        scope: Scope::Local,
        states: BTreeMap::new(),
        guards: Vec::new(),
        fuse: fuse.clone(),
    };
    makes.into_iter().map(check).collect()
}

/// The tasks by which documents are looked at, and what they subscribe to.
pub(crate) fn documents_of(registry: &mut Registry, findings: &Findings) -> Vec<Definition> {
    let mut definitions = Vec::new();
    for check in &registry.checks {
        if let Looks::AtDocuments(document, subscription) = &check.looks {
            registry.subscriptions.add(document.clone(), subscription.clone());
            definitions.push(definition(&check.name, subscription, findings.clone()));
        }
    }
    definitions
}

fn definition(check: &str, subscription: &Subscription, findings: Findings) -> Definition {
    let check: Arc<str> = check.into();
    let body = move |run: RunContext| -> BoxFuture<'static, RunResult> {
        let result = told(&check, &run, &findings);
        Box::pin(std::future::ready(result))
    };
    Definition {
        info: TaskInfo {
            name: subscription.task.clone(),
            kind: TaskKind::Async,
            queue: subscription.queue.clone(),
            retry: RetryPolicy::NEVER,
            result_ttl: KEPT,
            ignore_result: true,
            sinks: Vec::new(),
        },
        limits: TimeLimits::default(),
        concurrency: None,
        needs: Vec::new(),
        schema: serde_json::Value::Null,
        body: Body::Async(Arc::new(body)),
    }
}

/// Tells the check what was found in a document.
fn told(check: &str, run: &RunContext, findings: &Findings) -> RunResult {
    let message = run.message();
    match arguments::decode::<(Finding,)>(&message.content_type, &message.body, &["finding"]) {
        Ok((finding,)) => {
            if let Some(checks) = findings.get() {
                checks.tell(check, finding);
            }
            RunResult::Ignored
        }
        Err(error) => RunResult::Undecodable {
            failure: Failure::new("undecodable_arguments", error.to_string()),
        },
    }
}
