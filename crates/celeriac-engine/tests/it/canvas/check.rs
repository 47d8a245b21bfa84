//! What must be true of a workflow that has ended.

use std::collections::BTreeMap;

use celeriac_core::workflow::{Canvas, End, SIGNAL, Status, StepId, Value};
use celeriac_core::{HeaderValue, body};
use celeriac_engine::canvas::{Graph, path_of};
use celeriac_testkit::canvas::{Ended, Fault, Interpreter, KIND, normal};

use super::driver::Driver;
use super::world::World;

/// Everything that is wrong, as text.
pub(super) fn violations(driver: &Driver, canvas: &Canvas) -> Vec<String> {
    let mut wrong = driver.world.violations.clone();
    always(&driver.world, &mut wrong);
    let mut interpreter = Interpreter::new(closed_by(&driver.world), driver.mended);
    let expected = interpreter.canvas(canvas, None, &[]);
    wrong.append(&mut interpreter.wrong);
    result(driver, &expected, &mut wrong);
    if driver.world.records[&driver.root].epoch == 0 {
        runs(&driver.world, interpreter, &mut wrong);
    }
    wrong
}

/// Everything that is wrong whatever the result, as of a cancelled workflow.
pub(super) fn always(world: &World, wrong: &mut Vec<String>) {
    for (id, record) in &world.records {
        let Some(end) = &record.end else {
            wrong.push(format!("{id} at {:?} never ends", record.workflow.path));
            continue;
        };
        for step in record.workflow.root.0..record.workflow.end.0 {
            let status = world.statuses.get(&(*id, StepId(step))).copied().unwrap_or_default();
            if !status.1.is_terminal() {
                wrong.push(format!("step {step} of {id} stays {status:?} after {}", end.status()));
            }
        }
    }
    for ((id, join), state) in &world.joins {
        let status = world.statuses.get(&(*id, *join)).copied().unwrap_or_default().1;
        if state.closed_by.is_none() && status != Status::Cancelled {
            wrong.push(format!("join {join} of {id} never closes"));
        }
    }
    for (id, (message, causes)) in &world.published {
        if causes.len() > 1 && message.name != SIGNAL {
            wrong.push(format!("{} {id} was sent by {} others", message.name, causes.len()));
        }
    }
}

/// Who closed each group that failed fast.
fn closed_by(world: &World) -> BTreeMap<String, usize> {
    let mut closed_by = BTreeMap::new();
    for ((id, join), state) in &world.joins {
        let Some(closer) = state.closed_by.filter(|_| state.fail_fast) else {
            continue;
        };
        if state.members[&closer].1.is_error() {
            let workflow = world.workflow(*id);
            let graph = Graph::new(world.pages(workflow.graph));
            let path = path_of(workflow, &graph, *join).unwrap();
            closed_by.insert(path.join("/"), closer as usize);
        }
    }
    closed_by
}

fn result(driver: &Driver, expected: &Ended, wrong: &mut Vec<String>) {
    let world = &driver.world;
    let Some(end) = &world.records[&driver.root].end else {
        return;
    };
    match (end, expected) {
        (End::Success(value), Ok(expected)) => {
            let value = value.as_ref().map(|value| read(world, value));
            let (value, expected) = (value.as_ref().map(normal), expected.as_ref().map(normal));
            if value != expected {
                wrong.push(format!("the result is {value:?}, not {expected:?}"));
            }
        }
        (End::Failure(error), Err(expected)) => {
            let message = (expected.kind == KIND).then(|| error.failure.message.clone());
            let found = Fault {
                task: error.task.as_str().to_owned(),
                kind: error.failure.kind.clone(),
                message: message.unwrap_or_default(),
                path: error.path.clone(),
            };
            if found != *expected {
                wrong.push(format!("the error is {found:?}, not {expected:?}"));
            }
            if expected.kind == KIND && !world.runs.contains_key(&error.id) {
                wrong.push(format!("the error names {}, which never ran", error.id));
            }
        }
        (end, expected) => wrong.push(format!("it ended with {end:?}, not {expected:?}")),
    }
}

fn read(world: &World, value: &Value) -> HeaderValue {
    let resolved = match value {
        Value::Joined(reference) => world.resolve(reference),
        inline => inline.clone(),
    };
    match resolved {
        Value::Inline(content_type, bytes) => body::decode(&content_type, &bytes).unwrap(),
        Value::Joined(_) => unreachable!("resolved"),
    }
}

/// Each run that must be was one message, and no other was, but those that may be.
fn runs(world: &World, interpreter: Interpreter, wrong: &mut Vec<String>) {
    let mut counts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for run in world.runs.values() {
        counts.entry(run).or_default().0 += 1;
    }
    let mut most = BTreeMap::new();
    for run in interpreter.runs.iter().chain(&interpreter.sweeps) {
        counts.entry(run).or_default().1 += 1;
    }
    for run in &interpreter.optional {
        *most.entry(run.as_str()).or_insert(0) += 1;
    }
    for (run, (found, least)) in counts {
        let most = least + most.get(run).copied().unwrap_or(0);
        if !(least..=most).contains(&found) {
            wrong.push(format!("{run} ran as {found} messages, not {least} to {most}"));
        }
    }
}
