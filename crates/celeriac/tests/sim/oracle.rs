//! What a random canvas must have come to, by the sequential interpreter.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use celeriac::App;
use celeriac_core::MessageId;
use celeriac_core::workflow::{Canvas, Record};
use celeriac_engine::canvas::{Graph, path_of};
use celeriac_testkit::canvas::Interpreter;
use celeriac_testkit::sim::World;

use crate::expected;
use crate::tasks::Witness;

/// Everything that is wrong with a workflow that has ended by itself.
pub(crate) async fn violations(
    world: &World<App>,
    witness: &Witness,
    id: MessageId,
    canvas: &Canvas,
) -> Vec<String> {
    let closed_by = closed_by(world).await;
    let mut interpreter = Interpreter::new(closed_by, witness.mended.load(Ordering::Relaxed));
    let expected = interpreter.canvas(canvas, None, &[]);
    let mut wrong = std::mem::take(&mut interpreter.wrong);
    let record = record(world, id).await;
    wrong.extend(expected::compare(world.store(), &record, &expected).await);
    if record.epoch == 0 {
        wrong.extend(runs(world, witness, &interpreter));
    }
    wrong
}

pub(crate) async fn record(world: &World<App>, id: MessageId) -> Record {
    let records = world.store().workflows(&[id]).await.unwrap();
    records.into_iter().next().flatten().expect("a workflow that is kept")
}

/// Who closed each group that failed fast, by the group's path.
async fn closed_by(world: &World<App>) -> BTreeMap<String, usize> {
    let joins = world.history().joins.clone();
    let mut closed_by = BTreeMap::new();
    for ((id, join), seen) in joins {
        let Some(closer) = seen.closed_by.filter(|by| seen.fail_fast && seen.failed.contains(by))
        else {
            continue;
        };
        let workflow = record(world, id).await.workflow;
        let steps =
            Vec::from_iter((workflow.root.0..workflow.end.0).map(celeriac::workflow::StepId));
        let pages = world.store().pages(workflow.graph, &steps).await.unwrap();
        let graph = Graph::new(pages.into_iter().flatten());
        let path = path_of(&workflow, &graph, join).unwrap();
        closed_by.insert(path.join("/"), closer as usize);
    }
    closed_by
}

/// Each run that must be was one message, and no other was, but those that may be.
fn runs(world: &World<App>, witness: &Witness, interpreter: &Interpreter) -> Vec<String> {
    let mut counts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let runs = witness.runs.lock();
    {
        let history = world.history();
        for (id, run) in &*runs {
            // Runs over a list are seen item by item, under one id.
            let place =
                history.published.get(id).and_then(|message| message.rare().workflow.clone());
            if place.is_some_and(|place| place.each.is_none()) {
                counts.entry(run).or_default().0 += 1;
            }
        }
    }
    for run in &interpreter.runs {
        counts.entry(run).or_default().1 += 1;
    }
    let mut optional = BTreeMap::new();
    for run in &interpreter.optional {
        *optional.entry(run.as_str()).or_insert(0) += 1;
    }
    let mut wrong = Vec::new();
    for (run, (found, least)) in counts {
        let most = least + optional.get(run).copied().unwrap_or(0);
        if !(least..=most).contains(&found) {
            wrong.push(format!("{run} ran as {found} messages, not {least} to {most}"));
        }
    }
    wrong
}
