//! The promises, as what must be true at the end of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::sink::queue_of;
use celeriac_core::store::WorkflowFilter;
use celeriac_core::workflow::{Record, Status, StepId};
use celeriac_core::{MessageId, Name};

use super::deaths;
use super::shelf::Shelf;
use super::sky::Sky;

/// How long everything may take to come to its end once the sky is clear.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(500);
/// More workflows than a scenario starts, with their parts.
const MANY: usize = 100_000;

/// Waits until nothing is left to do, then says what is wrong.
pub(super) async fn check(sky: &Sky) -> Vec<String> {
    let mut wrong = Vec::new();
    wrong.extend(settle_down(sky).await);
    match promises(sky, &mut wrong).await {
        Ok(()) => {}
        Err(error) => wrong.push(format!("the servers failed: {error}")),
    }
    wrong.append(&mut sky.state().history.violations);
    wrong
}

/// Waits until nothing is left to do; what is left when patience ends.
pub(super) async fn settle_down(sky: &Sky) -> Option<String> {
    let mut waited = Duration::ZERO;
    loop {
        let left = match left(sky).await {
            Ok(None) => return None,
            Ok(Some(left)) => left,
            Err(error) => error.to_string(),
        };
        if waited > PATIENCE {
            return Some(format!("after {PATIENCE:?} of fair weather there is left: {left}"));
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

async fn left(sky: &Sky) -> Result<Option<String>> {
    let queues = sky.broker.queues().await?;
    let mut left = Vec::from_iter(
        queues.iter().filter(|queue| !queue.name.as_str().starts_with('~')).map(|queue| {
            format!("{} in the queue {} ({} in flight)", queue.ready, queue.name, queue.in_flight)
        }),
    );
    let scheduled = sky.store.scheduled().await?;
    if scheduled > 0 {
        left.push(format!("{scheduled} timers"));
    }
    let filter =
        WorkflowFilter { parts: true, status: Some(Status::Running), ..WorkflowFilter::default() };
    let running = sky.store.list(&filter, 1).await?;
    left.extend(
        running.iter().map(|record| format!("the running workflow {}", record.workflow.id)),
    );
    Ok((!left.is_empty()).then(|| left.join(", ")))
}

async fn promises(sky: &Sky, wrong: &mut Vec<String>) -> Result<()> {
    let ids = Vec::from_iter(sky.state().history.lone_commands().map(|message| message.id));
    for (id, entry) in ids.iter().zip(sky.store.entries(&ids).await?) {
        let outcome = entry.and_then(|entry| entry.outcome);
        let known = sky.store.workflows(&[*id]).await?.into_iter().next().flatten();
        if outcome.is_none() && known.is_none() {
            wrong.push(format!("the task {id} has no outcome"));
        }
    }
    heard(sky, wrong);
    deaths::check(sky, wrong).await?;
    sky.shelves().iter().for_each(|(name, shelf)| kept(sky, name, shelf, wrong));
    let filter = WorkflowFilter { parts: true, ..WorkflowFilter::default() };
    let records = sky.store.list(&filter, MANY).await?;
    for record in &records {
        workflow(sky, record, wrong).await?;
    }
    let joins = sky.state().history.joins.clone();
    for ((id, join), seen) in joins {
        if seen.closed_by.is_none()
            && status(sky, &records, id, join).await? != Some(Status::Cancelled)
        {
            wrong.push(format!("the join {join} of {id} never closed"));
        }
    }
    // What is bounded: a workflow that is forgotten leaves nothing behind.
    let roots = records.iter().filter(|record| record.workflow.parent.is_none());
    let roots = Vec::from_iter(roots.map(|record| record.workflow.id));
    sky.store.forget_workflows(&roots).await?;
    let left = sky.store.list(&filter, MANY).await?;
    wrong.extend(left.iter().map(|record| format!("{} is left behind", record.workflow.id)));
    Ok(())
}

/// Each event and document became one command for each subscription: as many,
/// and of the same tasks, as any other of its name.
fn heard(sky: &Sky, wrong: &mut Vec<String>) {
    let heard = sky.state().history.heard();
    let mut known: BTreeMap<&Name, &Vec<Name>> = BTreeMap::new();
    for (id, (name, tasks)) in &heard {
        let others = known.entry(name).or_insert(tasks);
        if *others != tasks {
            wrong.push(format!("{name} {id} became {tasks:?}, another one {others:?}"));
        }
    }
}

/// What is for a sink is in it, under its id, with one value however often.
fn kept(sky: &Sky, name: &str, shelf: &Shelf, wrong: &mut Vec<String>) {
    let queue = queue_of(name);
    let kept = shelf.kept();
    for (id, body) in &kept {
        let mut same = kept.iter().filter(|(other, _)| other == id);
        if let Some((_, other)) = same.find(|(_, other)| other != body) {
            wrong.push(format!("the sink {name} was given {body:?} and {other:?} under {id}"));
        }
    }
    let state = sky.state();
    for id in state.history.documents.get(&queue).into_iter().flatten() {
        if !kept.iter().any(|(other, _)| other == id) {
            wrong.push(format!("the value of {id} never came to the sink {name}"));
        }
    }
}

async fn workflow(sky: &Sky, record: &Record, wrong: &mut Vec<String>) -> Result<()> {
    let (id, path) = (record.workflow.id, record.workflow.path.join("/"));
    if record.end.is_none() {
        wrong.push(format!("the workflow {id} at `{path}` never ended"));
        return Ok(());
    }
    let statuses = sky.store.steps(id, record.workflow.root, MANY).await?;
    for (step, status) in (record.workflow.root.0..).zip(statuses) {
        if !status.is_terminal() {
            let end = record.status();
            wrong.push(format!("step {step} of {id} at `{path}` stays {status} after {end}"));
        }
    }
    Ok(())
}

/// The status of a step; `None` where the workflow is not kept.
async fn status(
    sky: &Sky,
    records: &[Record],
    id: MessageId,
    step: StepId,
) -> Result<Option<Status>> {
    if !records.iter().any(|record| record.workflow.id == id) {
        return Ok(None);
    }
    Ok(sky.store.steps(id, step, 1).await?.first().copied())
}
