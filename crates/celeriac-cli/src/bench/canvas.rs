//! Workflows that are measured: a chain, a group or a chord of tasks that do
//! nothing, from the call of `send` until the result is there.

use std::ops::Range;
use std::time::Duration;

use celeriac::canvas::{self, CanvasError, Nothing, chain};
use celeriac::workflow::{self, Start};
use celeriac::{App, Canvas, MessageId, QueueName, Timestamp};
use serde::de::DeserializeOwned;

use super::Bench;
use super::kept::forget_workflow;
use super::load::{Found, Load};
use super::meter::Meter;
use super::report::{percentile, rounded};
use super::task::{QUEUE, body};
use crate::problem::{Problem, Result};

/// How the tasks are composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Composition {
    /// One after the other.
    Chain,
    /// All at once, and the list of their results.
    Group,
    /// All at once, then a body that gets the list of their results.
    Chord,
}

impl Composition {
    pub(super) const fn tasks(self) -> usize {
        match self {
            Self::Chain => 10_000,
            Self::Group | Self::Chord => 100_000,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Group => "group",
            Self::Chord => "chord",
        }
    }

    /// Sends the workflow of these tasks and waits for its result.
    pub(super) async fn run(self, load: &Load, on: &Bench, tasks: Range<usize>) -> Result<Found> {
        let meter = Meter::start(&on.servers);
        let (id, arrived) = self.result(load, on, tasks.clone()).await?;
        let cost = meter.stop();
        let expected = if self == Self::Chain { 1 } else { tasks.len() };
        if arrived != expected {
            let message = format!("{arrived} of {expected} results arrived");
            return Err(Problem::failure(message).hint("this is a bug: please report it"));
        }
        let completed = tasks.filter(|index| on.ledger.has_run(*index)).count();
        forget_workflow(&on.app, id).await?;
        Ok(Found { completed, cost })
    }

    /// The median of several runs of so many tasks each, in milliseconds.
    pub(super) async fn median(
        self,
        load: &Load,
        on: &Bench,
        all: Range<usize>,
        width: usize,
    ) -> Result<f64> {
        let mut nanos = Vec::new();
        for first in all.step_by(width) {
            let found = self.run(load, on, first..first + width).await?;
            nanos.push(u64::try_from(found.cost.elapsed.as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(rounded(percentile(&mut nanos, 50) as f64 / 1e6, 2))
    }

    /// The workflow's id, and how many results its result is made of.
    async fn result(
        self,
        load: &Load,
        on: &Bench,
        tasks: Range<usize>,
    ) -> Result<(MessageId, usize)> {
        let mut steps = load.signatures(&on.ledger, tasks);
        let app = &on.app;
        match self {
            Self::Chain => {
                let Some(first) = steps.next() else { return Ok((MessageId::new(), 0)) };
                let first: Canvas<Nothing, ()> = chain(first);
                let steps = steps.fold(first, |chain, step| chain.then(step.immutable()));
                let id = send(app, steps.into_data()).await?;
                value::<()>(app, id).await?;
                Ok((id, 1))
            }
            Self::Group => {
                let members: Vec<_> = steps.collect();
                let id = send(app, canvas::group(members).into_data()).await?;
                Ok((id, value::<Vec<()>>(app, id).await?.len()))
            }
            Self::Chord => {
                let members: Vec<_> = steps.collect();
                let chord: Canvas<Nothing, usize> = canvas::chord(members, body::p());
                let id = send(app, chord.into_data()).await?;
                Ok((id, value(app, id).await?))
            }
        }
    }
}

/// Nothing takes longer, but what never ends.
const PATIENCE: Duration = Duration::from_secs(600);

/// Starts a workflow whose own messages wait where those of its tasks do.
async fn send(
    app: &App,
    canvas: std::result::Result<workflow::Canvas, CanvasError>,
) -> Result<MessageId> {
    let now = Timestamp::now();
    let start = Start {
        id: MessageId::at(now),
        name: QUEUE.into(),
        version: 0,
        queue: QueueName::from_static(QUEUE),
        expires_at: now.after(app.config().tasks.result_ttl),
    };
    let id = start.id;
    let canvas = canvas.map_err(Problem::failure)?;
    app.start_as(start, &canvas).await.map_err(Problem::failure)?;
    Ok(id)
}

async fn value<Out: DeserializeOwned>(app: &App, id: MessageId) -> Result<Out> {
    app.workflow_handle(id).get_timeout(PATIENCE).await.map_err(Problem::failure)
}
