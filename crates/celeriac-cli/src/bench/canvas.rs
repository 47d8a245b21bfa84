//! Workflows that are measured: a chain, a group or a chord of tasks that do
//! nothing, from the call of `send` until the result is there.

use std::time::{Duration, Instant};

use celeriac::canvas::{self, CanvasError, Nothing, chain};
use celeriac::workflow::{self, Start};
use celeriac::{App, Canvas, MessageId, QueueName, Timestamp};
use serde::de::DeserializeOwned;

use super::ledger::Ledger;
use super::load::{Found, Load};
use super::process;
use super::task::{QUEUE, bench, body};
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

    /// Sends the workflow and waits for its result.
    pub(super) async fn run(self, load: &Load, app: &App, ledger: &Ledger) -> Result<Found> {
        let payload = "x".repeat(load.payload);
        let step = |index: usize| bench::s(index as u64, payload.clone());
        let members = || (0..load.tasks).map(step).collect::<Vec<_>>();
        let (started, cpu_before) = (Instant::now(), process::cpu_time());
        let arrived = match self {
            Self::Chain => {
                let steps: Canvas<Nothing, ()> = chain(step(0));
                let steps =
                    (1..load.tasks).fold(steps, |steps, index| steps.then(step(index).immutable()));
                result::<()>(app, send(app, steps.into_data()).await?).await?;
                1
            }
            Self::Group => {
                let id = send(app, canvas::group(members()).into_data()).await?;
                result::<Vec<()>>(app, id).await?.len()
            }
            Self::Chord => {
                let chord: Canvas<Nothing, usize> = canvas::chord(members(), body::p());
                result(app, send(app, chord.into_data()).await?).await?
            }
        };
        let elapsed = started.elapsed();
        let expected = if self == Self::Chain { 1 } else { load.tasks };
        if arrived != expected {
            let message = format!("{arrived} of {expected} results arrived");
            return Err(Problem::failure(message).hint("this is a bug: please report it"));
        }
        let cpu = process::cpu_time().zip(cpu_before).map(|(after, before)| after - before);
        let completed = (0..load.tasks).filter(|index| ledger.has_run(*index)).count();
        Ok(Found { completed, elapsed, cpu })
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

async fn result<Out: DeserializeOwned>(app: &App, id: MessageId) -> Result<Out> {
    app.workflow_handle(id).get_timeout(PATIENCE).await.map_err(Problem::failure)
}
