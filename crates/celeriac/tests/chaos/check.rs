//! What became of all that was accepted.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use celeriac::workflow::Status;
use celeriac::{App, Filter, MessageId, TaskState};

use crate::arena::Arena;
use crate::log::{self, Accepted, Run};
use crate::storm::{Fault, What};

/// How long nothing may end once it is calm.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many are looked at by one question.
const CHUNK: usize = 500;
/// What a fault brings about may show so long after it: leases and heartbeats
/// have to expire first. In ms.
const AFTERMATH: u64 = 15_000;

/// What a process gives back that can be reached again arrives so soon. In ms.
const RETURN: u64 = 1_000;

/// The figures of a storm.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    tasks: usize,
    workflows: usize,
    faults: BTreeMap<What, usize>,
    /// Runs of what had run already, by the fault that they come of.
    again: BTreeMap<What, usize>,
    calm: Duration,
}

/// Waits for the end of all that was accepted, then looks at it.
///
/// # Panics
/// When a promise was broken.
pub(crate) async fn look(arena: &Arena, faults: &[Fault]) -> Figures {
    let began = Instant::now();
    let app = arena.app();
    // A server that was just started may still be reading what it kept.
    while let Err(error) = app.open().await {
        assert!(began.elapsed() < PATIENCE, "{error}");
        tokio::task::yield_now().await;
    }
    let tasks = log::accepted(arena.folder(), "tasks");
    let workflows = log::accepted(arena.folder(), "workflows");
    assert!(!tasks.is_empty() && !workflows.is_empty(), "nothing was accepted");
    ended(&app, &tasks).await;
    ended(&app, &workflows).await;
    for (_, id) in &workflows {
        let record = app.workflow(*id).await.unwrap().expect("it was accepted");
        assert_eq!(record.status(), Status::Success, "the workflow {id}");
    }
    let calm = began.elapsed();
    nothing_is_left(&app).await;
    let mut figures =
        Figures { tasks: tasks.len(), workflows: workflows.len(), ..Figures::default() };
    figures.calm = calm;
    for fault in faults {
        *figures.faults.entry(fault.what).or_default() += 1;
    }
    figures.again = run_again(arena, faults, &tasks);
    app.shutdown().await;
    figures
}

/// Waits until each has ended, with the value that it must come to.
async fn ended(app: &App, accepted: &Accepted) {
    let (_, store) = app.drivers().await.unwrap();
    let mut open: HashMap<MessageId, u64> =
        accepted.iter().map(|(value, id)| (*id, *value)).collect();
    let mut progress = Instant::now();
    while !open.is_empty() {
        let ids = Vec::from_iter(open.keys().copied());
        for chunk in ids.chunks(CHUNK) {
            let Ok(entries) = store.entries(chunk).await else { continue };
            for (id, entry) in chunk.iter().zip(entries) {
                let Some(outcome) = entry.and_then(|entry| entry.outcome) else { continue };
                progress = Instant::now();
                let value = open.remove(id).unwrap();
                assert_eq!(outcome.state, TaskState::Success, "{id}: {outcome:?}");
                assert_eq!(serde_json::from_slice::<u64>(&outcome.value).unwrap(), value, "{id}");
            }
        }
        if progress.elapsed() > PATIENCE {
            let queues = app.queues().await;
            let some = Vec::from_iter(open.iter().take(5));
            panic!("LOST {} of {}: {some:?}; the queues: {queues:?}", open.len(), accepted.len());
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until no queue holds anything; nothing is in quarantine.
async fn nothing_is_left(app: &App) {
    let began = Instant::now();
    loop {
        let queues = app.queues().await.unwrap();
        if queues
            .iter()
            .all(|queue| queue.name.is_transient() || queue.ready + queue.in_flight == 0)
        {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "what is left does not go: {queues:?}");
        tokio::task::yield_now().await;
    }
    let quarantined = app.quarantined(&Filter::default(), 5).await.unwrap();
    assert!(quarantined.is_empty(), "{quarantined:?}");
}

/// Counts what ran more than once, by the fault that explains it.
///
/// # Panics
/// When nothing explains it, or an accepted task did not run.
fn run_again(arena: &Arena, faults: &[Fault], tasks: &Accepted) -> BTreeMap<What, usize> {
    let mut by_number: HashMap<u64, Vec<Run>> = HashMap::new();
    for run in log::runs(arena.folder()) {
        by_number.entry(run.number).or_default().push(run);
    }
    let idle = tasks.iter().filter(|(number, _)| !by_number.contains_key(number)).count();
    assert_eq!(
        idle,
        0,
        "of {} accepted tasks so many have an outcome and did not run",
        tasks.len()
    );
    let mut again = BTreeMap::new();
    for runs in by_number.values_mut() {
        runs.sort_by_key(|run| run.at);
        for pair in runs.windows(2) {
            let why = explain(arena, faults, pair[0], pair[1]);
            let why = why.unwrap_or_else(|| {
                let near =
                    |fault: &&Fault| fault.to + AFTERMATH >= pair[0].at && fault.from <= pair[1].at;
                let near = Vec::from_iter(faults.iter().filter(near));
                panic!("it ran twice: {pair:?}; what failed then was of others: {near:?}")
            });
            *again.entry(why).or_default() += 1;
        }
    }
    again
}

/// The fault that made a task run again: of a process that ran it, of the one
/// that sent it, or of a server. Who ran it last may have been given it first,
/// and have lost its lease before it could begin; and one that never ran it may
/// have been given it before both, and have given it back when it was reachable
/// again. Of those who share a directory, any may be its server.
fn explain(arena: &Arena, faults: &[Fault], before: Run, again: Run) -> Option<What> {
    let concerned = [before.process, again.process, arena.sender(before.number)];
    let reasons = faults.iter().filter(|fault| {
        let server = arena.servers.is_empty() || fault.process.is_none();
        let is_theirs = server || fault.process.is_some_and(|it| concerned.contains(&it));
        let came_back = fault.what == What::Partition
            && (fault.to..fault.to + RETURN).contains(&again.at)
            && fault.from <= before.at;
        let is_near = fault.from <= again.at && fault.to + AFTERMATH >= before.at;
        (is_theirs && is_near) || came_back
    });
    reasons.map(|fault| fault.what).min()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, workflows, faults, again, calm } = self;
        let total: usize = again.values().sum();
        write!(
            f,
            "{tasks} tasks and {workflows} workflows accepted, lost 0; {} faults {faults:?}; run \
             again {total} {again:?}, unexplained 0; the last ended {calm:.1?} after the storm",
            faults.values().sum::<usize>(),
        )
    }
}
