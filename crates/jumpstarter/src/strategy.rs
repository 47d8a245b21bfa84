//! Group restarts: which siblings are started again with a child that crashed,
//! and the one round that stops and starts them.
//!
//! A child that shall be restarted asks for a round and waits, held. The round
//! runs beside the parent, so that a busy parent delays nobody. Whether a child
//! is restarted at all is decided in [`crate::supervision`].

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::cell::{AnyCell, ended};
use crate::core::{Core, ENDING, ENDING_FOR_GOOD, FINISHED, HELD, HOLD, STOP, TEMPORARY, state_of};
use crate::event::Event;
use crate::lifecycle::State;
use crate::seats::put_in_order;
use crate::spawner::Spawner;
use crate::supervision::ChildRestarts;

/// Which children of an actor are started again when one of them is, because it
/// crashed (or, if it is [permanent](crate::RestartPolicy::Permanent), ended).
///
/// Set on the parent by [`Options::strategy`](crate::Options::strategy). The
/// siblings concerned are stopped in the reverse order of their spawning, then
/// all are started in the order of their spawning, each after the one before it
/// is started. Mailboxes are kept. Several crashes at a time make one restart.
/// Left out are those that are being stopped for good; those whose policy is
/// [temporary](crate::RestartPolicy::Temporary) are stopped, and not started
/// again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Only the one that crashed.
    #[default]
    OneForOne,
    /// All children.
    OneForAll,
    /// The one that crashed, and those that were spawned after it.
    RestForOne,
}

/// What a parent knows of the restarts among its children.
#[derive(Default)]
pub(crate) struct Siblings {
    pub(crate) strategy: Strategy,
    /// The restarts of the children, if they are counted together.
    pub(crate) restarts: Option<Box<ChildRestarts>>,
    /// Asked for, not yet begun.
    pending: Option<Round>,
    /// A future works on rounds.
    under_way: bool,
}

impl Siblings {
    /// The incarnation of the parent has ended.
    pub(crate) fn forget(&mut self) {
        let intensity = self.restarts.as_ref().map(|counted| counted.intensity);
        let restarts = intensity.map(|intensity| Box::new(ChildRestarts::new(intensity)));
        *self = Siblings { strategy: self.strategy, restarts, ..Siblings::default() };
    }
}

/// One restart of a group.
#[derive(Clone, Copy)]
struct Round {
    /// The id of the first spawned among those that crashed.
    first: u64,
    /// The end of the longest backoff.
    not_before: Instant,
}

impl Round {
    fn merge(self, other: Round) -> Round {
        Round {
            first: self.first.min(other.first),
            not_before: self.not_before.max(other.not_before),
        }
    }
}

/// Asks for the restart of an actor together with its siblings. `false`: it is
/// restarted alone.
pub(crate) fn request(core: &Core, after: Duration) -> bool {
    let Some(parent) = core.parent() else { return false };
    let known = parent.core().peek_cold(|cold| cold.siblings.strategy);
    let word = parent.core().word();
    let ends = word & (ENDING | FINISHED) != 0 || state_of(word) == State::Crashed;
    if known.unwrap_or_default() == Strategy::OneForOne || ends {
        return false;
    }
    core.raise(HOLD);
    let round = Round { first: core.id, not_before: Instant::now() + after };
    let begins = parent.core().with_cold(|cold| {
        let siblings = &mut cold.siblings;
        let merged = siblings.pending.map_or(round, |known| known.merge(round));
        siblings.pending = Some(merged);
        !std::mem::replace(&mut siblings.under_way, true)
    });
    if begins {
        let spawner = Spawner::new(parent.core().group());
        let scope = spawner.scope();
        let parent = Arc::clone(parent);
        spawner.spawn(async move {
            scope.run_until_cancelled(work_off(parent)).await;
        });
    }
    true
}

/// Waits, as one of a group, until it is this actor's turn to start. `false`: it
/// was stopped for good meanwhile.
pub(crate) async fn wait_for_turn(core: &Core) -> bool {
    loop {
        let word = core.word();
        if word & ENDING_FOR_GOOD != 0 {
            return false;
        }
        if word & HOLD == 0 {
            return true;
        }
        core.raise(HELD);
        // Held anew by the next round before it noticed: it says so again.
        reached(core, |word| word & HOLD == 0 || word & HELD == 0 || word & ENDING_FOR_GOOD != 0)
            .await;
    }
}

/// Rounds, until none is asked for.
async fn work_off(parent: Arc<dyn AnyCell>) {
    while let Some(mut round) = next_round(parent.core()) {
        let members = loop {
            let members = concerned(parent.core(), &round);
            hold_all(&members).await;
            // Even the shortest sleep takes a tick of the timer.
            if round.not_before > Instant::now() {
                sleep_until(round.not_before).await;
            }
            match take_pending(parent.core()) {
                Some(more) => round = round.merge(more),
                None => break members,
            }
        };
        start_all(parent.core(), members).await;
    }
}

fn next_round(parent: &Core) -> Option<Round> {
    parent.with_cold(|cold| {
        let round = cold.siblings.pending.take();
        cold.siblings.under_way = round.is_some();
        round
    })
}

fn take_pending(parent: &Core) -> Option<Round> {
    parent.with_cold(|cold| cold.siblings.pending.take())
}

/// Those that the round stops and starts, in the order of their spawning.
fn concerned(parent: &Core, round: &Round) -> Vec<Arc<dyn AnyCell>> {
    let children = parent.peek_cold(|cold| {
        let first = match cold.siblings.strategy {
            Strategy::OneForAll => 0,
            Strategy::OneForOne | Strategy::RestForOne => round.first,
        };
        cold.children.since(first)
    });
    let mut children = children.unwrap_or_default();
    put_in_order(&mut children);
    children.retain(|cell| cell.core().word() & (ENDING_FOR_GOOD | FINISHED) == 0);
    children
}

async fn hold_all(members: &[Arc<dyn AnyCell>]) {
    for member in members.iter().rev() {
        let core = member.core();
        if core.word() & TEMPORARY != 0 {
            member.close();
            core.raise(STOP);
            ended(core).await;
            continue;
        }
        core.raise(HOLD);
        reached(core, |word| word & (HELD | FINISHED | ENDING_FOR_GOOD) != 0).await;
    }
}

async fn start_all(parent: &Core, mut members: Vec<Arc<dyn AnyCell>>) {
    members.retain(|cell| cell.core().word() & (ENDING_FOR_GOOD | FINISHED) == 0);
    let paths = || members.iter().map(|cell| cell.core().path.to_string()).collect();
    tracing::info!(path = %parent.path, children = members.len(), "children restart together");
    parent
        .system
        .bus()
        .publish(|| Event::GroupRestarted { path: parent.path.to_string(), children: paths() });
    for member in &members {
        let core = member.core();
        core.release(HOLD | HELD);
        reached(core, |word| word & (HOLD | FINISHED) != 0 || state_of(word).is_started()).await;
        let crashed_again = parent.peek_cold(|cold| cold.siblings.pending.is_some());
        if crashed_again == Some(true) {
            // The next round takes over those that are still held.
            return;
        }
    }
}

async fn reached(core: &Core, reached: impl Fn(u32) -> bool) {
    poll_fn(|cx| match core.watch(cx.waker(), &reached) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
