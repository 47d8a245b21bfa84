//! The storm: what fails, when, and for how long, by the seed.

use std::time::Duration;

use celeriac_testkit::dice::Dice;
use celeriac_testkit::proxy::Network;
use tokio::time::timeout;

use crate::arena::{Arena, Counts};
use crate::{log, pace};

/// A fault comes when so many tasks were accepted since the one before, or
/// when nothing was for so long.
const TASKS_BETWEEN: u64 = 400;
const LULL: Duration = Duration::from_millis(1500);
/// What a slow network adds to each piece.
const SLOW: Duration = Duration::from_millis(20);
/// How long a server stays away.
const AWAY: Duration = Duration::from_millis(700);
/// How long a network misbehaves: some of it longer than a lease.
const MISBEHAVES: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(10)];
/// How long the storm may take until something is accepted.
const PATIENCE: Duration = Duration::from_secs(60);

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Killed,
    ServerKilled,
    Cut,
    HalfOpen,
    Slow,
    Partition,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) what: What,
    /// Whose; nobody's own if a server fails.
    pub(crate) process: Option<u32>,
    /// From when to when.
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Lets everything fail until enough was accepted; then it is calm.
pub(crate) async fn rage(arena: &mut Arena) -> Vec<Fault> {
    let seed = pace::seed();
    println!("CELERIAC_CHAOS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut faults = Vec::new();
    loop {
        let counts = *arena.counts.borrow();
        let enough = counts.tasks >= pace::tasks() && counts.workflows >= pace::workflows();
        if enough && faults.len() >= pace::faults() {
            break;
        }
        if faults.is_empty() {
            // What fails before it has begun to work proves little.
            let all = timeout(PATIENCE, arena.counts.wait_for(|counts| counts.tasks > 0));
            all.await.expect("the first tasks are accepted").unwrap();
        }
        after(arena, TASKS_BETWEEN, LULL).await;
        faults.push(fail(arena, &mut dice).await);
    }
    arena.hush();
    faults
}

/// Waits for the next tasks to be accepted, but not for ever.
async fn after(arena: &mut Arena, tasks: u64, at_most: Duration) {
    let enough = arena.counts.borrow().tasks + tasks;
    let _ = timeout(at_most, arena.counts.wait_for(|counts: &Counts| counts.tasks >= enough)).await;
}

/// One fault, until it is over.
async fn fail(arena: &mut Arena, dice: &mut Dice) -> Fault {
    let what = match dice.below(100) {
        0..40 => What::Killed,
        _ if arena.servers.is_empty() => What::Killed,
        40..52 => What::ServerKilled,
        52..66 => What::Cut,
        66..76 => What::HalfOpen,
        76..86 => What::Slow,
        _ => What::Partition,
    };
    let at = dice.below(arena.peers.len());
    let process = (what != What::ServerKilled).then(|| arena.peers[at].process());
    let from = log::now();
    let lasts = dice.pick(&MISBEHAVES);
    match what {
        What::Killed => tokio::task::block_in_place(|| arena.replace(at)),
        What::ServerKilled => {
            let server = dice.below(arena.servers.len());
            tokio::task::block_in_place(|| arena.servers[server].kill());
            after(arena, u64::MAX / 2, AWAY).await;
            tokio::task::block_in_place(|| arena.servers[server].restart());
        }
        What::Cut => arena.peers[at].ways.iter().for_each(celeriac_testkit::proxy::Proxy::cut),
        What::HalfOpen => {
            arena.peers[at].ways.iter().for_each(celeriac_testkit::proxy::Proxy::mute);
        }
        What::Slow => misbehave(arena, at, Network::Slow(SLOW), lasts).await,
        What::Partition => misbehave(arena, at, Network::Stalled, lasts).await,
    }
    Fault { what, process, from, to: log::now() }
}

/// Changes the network of a process for a time.
async fn misbehave(arena: &mut Arena, at: usize, network: Network, lasts: Duration) {
    arena.peers[at].ways.iter().for_each(|way| way.set(network));
    after(arena, u64::MAX / 2, lasts).await;
    arena.peers[at].ways.iter().for_each(|way| way.set(Network::Clear));
}
