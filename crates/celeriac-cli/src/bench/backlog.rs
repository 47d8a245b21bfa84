//! A backlog: tasks that are sent while nobody works, in bulk and one by one,
//! and then are worked off.

use std::ops::Range;

use celeriac::MessageId;
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::kept::{Sent, completed};
use super::load::{Load, settled};
use super::meter::{Cost, Meter};
use super::task::bench;
use super::{Bench, GRACE};
use crate::problem::{Problem, Result};

/// How many tasks a sender sends at once.
const BATCH: usize = 1000;
/// How many callers send one by one at the same time.
pub(super) const CALLERS: usize = 64;

/// Where the tasks of a backlog are in the ledger.
pub(super) struct Plan {
    pub(super) bulk: Range<usize>,
    pub(super) one_by_one: Range<usize>,
}

/// What was found.
pub(super) struct Found {
    pub(super) bulk: Cost,
    pub(super) one_by_one: Cost,
    pub(super) drained: Cost,
    pub(super) completed: usize,
}

impl Plan {
    pub(super) fn tasks(&self) -> usize {
        self.bulk.len() + self.one_by_one.len()
    }

    /// Sends all, then works it off with a worker of its own.
    pub(super) async fn run(&self, load: &Load, bench: &Bench) -> Result<Found> {
        let (mut sent, bulk) = in_bulk(load, bench, self.bulk.clone()).await?;
        let (more, one_by_one) = one_by_one(load, bench, self.one_by_one.clone()).await?;
        sent.extend(more);
        let goal = bench.ledger.executions() + self.tasks() as u64;
        let progress = bench.progress(self.tasks());
        let meter = Meter::start(&bench.servers);
        let worker = bench.app.start_worker().await?;
        let end = settled(bench, goal, &progress).await?;
        let drained = meter.stop_at(end);
        progress.finish_and_clear();
        worker.stop_within(GRACE).await;
        let completed = completed(&bench.app, &bench.ledger, &sent).await?;
        Ok(Found { bulk, one_by_one, drained, completed })
    }
}

/// Several senders, each with a share of the tasks in batches.
async fn in_bulk(load: &Load, bench: &Bench, all: Range<usize>) -> Result<(Vec<Sent>, Cost)> {
    let shares = shares(all, load.senders);
    let meter = Meter::start(&bench.servers);
    let senders = shares.map(async |share: Range<usize>| {
        let mut ids = Vec::with_capacity(share.len());
        for first in share.clone().step_by(BATCH) {
            let batch = first..(first + BATCH).min(share.end);
            let sent = bench.app.send_many(load.signatures(&bench.ledger, batch)).await?;
            ids.extend(sent.iter().map(|result| result.id()));
        }
        Ok::<_, Problem>(Sent { first: share.start, ids })
    });
    let sent = try_join_all(senders).await?;
    Ok((sent, meter.stop()))
}

/// Many callers, each of which waits until its task is accepted before it sends
/// the next.
async fn one_by_one(load: &Load, bench: &Bench, all: Range<usize>) -> Result<(Vec<Sent>, Cost)> {
    let mut callers = JoinSet::new();
    let meter = Meter::start(&bench.servers);
    for share in shares(all, CALLERS) {
        let (app, run) = (bench.app.clone(), bench.ledger.run());
        let payload = "x".repeat(load.payload);
        callers.spawn(async move {
            let mut ids: Vec<MessageId> = Vec::with_capacity(share.len());
            for index in share.clone() {
                let signature = bench::s(run, index as u64, payload.clone());
                ids.push(app.send(signature).await?.id());
            }
            Ok::<_, celeriac::SendError>(Sent { first: share.start, ids })
        });
    }
    let mut sent = Vec::with_capacity(CALLERS);
    while let Some(share) = callers.join_next().await {
        sent.push(share.map_err(Problem::failure)??);
    }
    Ok((sent, meter.stop()))
}

/// Shares of a range, as even as can be.
fn shares(all: Range<usize>, count: usize) -> impl Iterator<Item = Range<usize>> {
    let bound = move |share: usize| all.start + all.len() * share / count;
    (0..count).map(move |share| bound(share)..bound(share + 1))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shares_are_the_whole() {
        let all: Vec<usize> = super::shares(5..22, 4).flatten().collect();
        assert_eq!(all, (5..22).collect::<Vec<_>>());
        assert_eq!(super::shares(0..2, 64).filter(|share| !share.is_empty()).count(), 2);
    }
}
