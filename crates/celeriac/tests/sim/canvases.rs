//! Random canvases: whatever happens, they come to what the interpreter says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use celeriac::workflow::{Canvas, End, Status, WorkflowError};
use celeriac::{App, MessageId, QueueName, Timestamp};
use celeriac_core::Name;
use celeriac_engine::canvas::Start;
use celeriac_testkit::canvas::{KIND, Palette, smaller, steps};
use celeriac_testkit::sim::{Bug, Report, Simulation, World};

use crate::cluster::of_canvases;
use crate::oracle;
use crate::seeds::{Figures, seeds, traced};
use crate::tasks::Witness;

/// So many smaller canvases are tried to explain a failure.
const SHRINKS: usize = 300;

/// What is done with a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It is left alone.
    Run,
    /// It is cancelled at some time.
    Cancel,
    /// What failed is mended, and tried again by hand.
    Retry,
}

impl Story {
    const fn palette(self) -> Palette {
        match self {
            Self::Run | Self::Cancel => Palette::LIVE,
            Self::Retry => Palette::MENDABLE,
        }
    }
}

async fn start(world: &World<App>, canvas: &Canvas) -> MessageId {
    let now = Timestamp::now();
    let start = Start {
        id: MessageId::at(now),
        name: Name::from_static("random"),
        version: 0,
        queue: QueueName::DEFAULT,
        expires_at: now.after(Duration::from_secs(24 * 3600)),
    };
    let id = start.id;
    let canvas = Arc::new(canvas.clone());
    world
        .call(|app| {
            let (start, canvas) = (start.clone(), canvas.clone());
            async move { app.start_as(start, &canvas).await }
        })
        .await;
    id
}

/// Waits for the end of a workflow, as everybody does: for its result.
async fn end(world: &World<App>, id: MessageId) -> Status {
    let result = world.app().result::<celeriac::HeaderValue>(id).await.unwrap();
    // Whether it went well is the oracle's business.
    let _ = result.get().await;
    oracle::record(world, id).await.status()
}

async fn cancel(world: &World<App>, id: MessageId) {
    world.pass(Duration::from_millis(world.below(20_000) as u64)).await;
    world
        .call(|app| async move {
            match app.cancel_workflow(id).await {
                Err(WorkflowError::Status { .. }) => Ok(()),
                done => done,
            }
        })
        .await;
}

async fn retry(world: &World<App>, witness: &Witness, id: MessageId) {
    while let Some(End::Failure(error)) = oracle::record(world, id).await.end {
        if error.failure.kind != KIND {
            return;
        }
        witness.mended.store(true, Ordering::Relaxed);
        world
            .call(|app| async move {
                match app.retry_workflow(id).await {
                    // The client before this one has done it, and it has even failed
                    // again by now, with something that can't be mended.
                    Err(WorkflowError::Status { .. } | WorkflowError::NotQuarantined(_)) => Ok(()),
                    done => done,
                }
            })
            .await;
        end(world, id).await;
        world.pass(Duration::from_secs(1)).await;
    }
}

/// Runs a canvas; everything that is wrong with what it came to is a violation.
pub(crate) fn simulate(
    seed: u64,
    canvas: &Canvas,
    story: Story,
    (bug, traced): (Option<Bug>, bool),
) -> Report<Vec<String>> {
    let witness = Arc::new(Witness::default());
    let mut simulation = Simulation::new(of_canvases(&witness)).traced(traced);
    if let Some(bug) = bug {
        simulation = simulation.planted(bug);
    }
    let scenario = async |world: &World<App>| {
        let id = start(world, canvas).await;
        if story == Story::Cancel {
            cancel(world, id).await;
        }
        end(world, id).await;
        if story == Story::Retry {
            retry(world, &witness, id).await;
        }
        if story == Story::Cancel {
            return Vec::new();
        }
        // What follows from a workflow's end comes after it: callbacks.
        world.settle().await;
        oracle::violations(world, &witness, id, canvas).await
    };
    let mut report = simulation.run(seed, scenario);
    if let Some(wrong) = &report.value {
        report.violations.extend_from_slice(wrong);
    }
    report
}

/// The first seed that fails, with the smallest canvas that fails like it.
pub(crate) fn failure(seed: u64, story: Story, bug: Option<Bug>) -> Option<String> {
    let canvas = story.palette().deep(seed);
    let fails = |canvas: &Canvas| !simulate(seed, canvas, story, (bug, false)).is_well();
    if !fails(&canvas) {
        return None;
    }
    let (mut smallest, mut left) = (canvas.clone(), SHRINKS);
    'smaller: loop {
        let mut candidates = smaller(&smallest);
        candidates.sort_by_key(steps);
        for candidate in candidates {
            if left == 0 {
                break 'smaller;
            }
            left -= 1;
            if fails(&candidate) {
                smallest = candidate;
                continue 'smaller;
            }
        }
        break;
    }
    let report = simulate(seed, &smallest, story, (bug, true));
    Some(format!(
        "seed {seed} ({story:?}) breaks a promise:\n  {}\nwith the canvas ({} of {} steps)\n{}\n\n{}",
        report.violations.join("\n  "),
        steps(&smallest),
        steps(&canvas),
        serde_json::to_string_pretty(&smallest).unwrap(),
        report.trace.join("\n"),
    ))
}

fn run_seeds(first: u64, story: Story, what: &str) {
    let mut figures = Figures::default();
    for seed in seeds(first) {
        let canvas = story.palette().deep(seed);
        let report = simulate(seed, &canvas, story, (None, traced()));
        if traced() {
            println!("{}\n{report}", report.trace.join("\n"));
        }
        if !report.is_well() {
            panic!("{}", failure(seed, story, None).unwrap_or(report.violations.join("\n")));
        }
        figures.add(&report);
    }
    figures.print(what);
}

#[test]
fn canvases_mean_what_the_interpreter_says() {
    run_seeds(0, Story::Run, "canvases");
}

#[test]
fn more_canvases_mean_what_the_interpreter_says() {
    run_seeds(100_000, Story::Run, "more canvases");
}

#[test]
fn what_is_cancelled_ends() {
    run_seeds(200_000, Story::Cancel, "cancelled canvases");
}

#[test]
fn what_was_mended_is_retried_by_hand() {
    run_seeds(300_000, Story::Retry, "retried canvases");
}

/// Whether one of the first thousand seeds shows the bug; the first that does.
fn found(bug: Bug) -> Option<u64> {
    (0..1000).find(|seed| {
        let canvas = Palette::LIVE.deep(*seed);
        !simulate(*seed, &canvas, Story::Run, (Some(bug), false)).is_well()
    })
}

#[test]
fn planted_bugs_are_found() {
    for bug in [Bug::SettleFirst, Bug::Counter] {
        let seed = found(bug).unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?} is found by seed {seed}");
    }
}
