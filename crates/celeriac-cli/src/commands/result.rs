//! `celeriac result`: the state of a task, and what it gave.

use std::time::Duration;

use celeriac::{AsyncResult, Entry, Failure, MessageId, ResultError, TaskState};
use serde::Serialize;
use serde_json::Value;

use crate::output::{Output, View, pairs};
use crate::problem::{Exit, Problem, Result};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  celeriac result 0198c2a0-1b2c-7d3e-8f40-123456789abc
  celeriac result 0198c2a0-1b2c-7d3e-8f40-123456789abc --wait --timeout 30s
  celeriac --json result 0198c2a0-1b2c-7d3e-8f40-123456789abc | jq .value

The exit code is 0 while a task is under way and when it succeeded, 1 if it failed, 3 if
nothing is known of it, 4 if time ran out. Results expire, by default after 24 hours.";

/// Show what became of a task.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResultArgs {
    /// The task's id, as `celeriac send` printed it.
    id: MessageId,
    /// Wait until the task has ended.
    #[arg(long)]
    wait: bool,
    /// How long to wait at most.
    #[arg(long, value_name = "DURATION", requires = "wait", default_value = "1h")]
    #[arg(value_parser = humantime::parse_duration)]
    timeout: Duration,
}

pub(crate) async fn run(args: &ResultArgs, session: &Session) -> Result<()> {
    session.needs_used_broker("nothing to look up")?;
    let result = session.app.result::<Value>(args.id).await?;
    if args.wait {
        return show_end(&result, args.timeout, &session.output).await;
    }
    match result.entry().await? {
        Some(entry) => show(&result, &entry, &session.output).await,
        None => Err(unknown(args.id)),
    }
}

/// Waits for a task to end and shows what became of it.
pub(super) async fn show_end(
    result: &AsyncResult<Value>,
    timeout: Duration,
    output: &Output,
) -> Result<()> {
    match result.get_timeout(timeout).await {
        Err(error @ (ResultError::Timeout { .. } | ResultError::Store(_))) => Err(error.into()),
        // What it was is read from the entry, with all that is known of it.
        Ok(_) | Err(_) => match result.entry().await? {
            Some(entry) => show(result, &entry, output).await,
            None => Err(unknown(result.id())),
        },
    }
}

fn unknown(id: MessageId) -> Problem {
    let hint = "it waits in a queue or for its time (see `celeriac queues list`), its result has \
                expired, or the id is of another broker";
    Problem::new(Exit::NotFound, format!("nothing is known of {id}")).hint(hint)
}

async fn show(result: &AsyncResult<Value>, entry: &Entry, output: &Output) -> Result<()> {
    let value = match entry.state {
        TaskState::Success => Some(result.get().await?),
        _ => None,
    };
    let known = Known::new(result.id(), entry, value);
    output.show(&known)?;
    let problem = Problem::failure(format!("the task ended as {}", known.state));
    match known.state {
        TaskState::Quarantined => {
            let id = known.id;
            Err(problem.hint(format!(
                "see why with `celeriac quarantine show {id}`, and send it again with `celeriac \
                 quarantine requeue {id}`"
            )))
        }
        TaskState::Failure | TaskState::Revoked => Err(problem),
        _ => Ok(()),
    }
}

/// What is known of a task.
#[derive(Debug, Serialize)]
struct Known {
    id: MessageId,
    state: TaskState,
    /// Which one it is in, or ended in; the first is 1.
    attempt: u32,
    done: Option<u64>,
    total: Option<u64>,
    value: Option<Value>,
    failure: Option<Failure>,
    finished_at: Option<String>,
}

impl Known {
    fn new(id: MessageId, entry: &Entry, value: Option<Value>) -> Self {
        let outcome = entry.outcome.as_ref();
        let failure = outcome.and_then(|outcome| outcome.failure.as_ref());
        let failure = failure.or(entry.failure.as_ref());
        Self {
            id,
            state: entry.state,
            attempt: entry.attempt + 1,
            done: entry.progress.as_ref().map(|progress| progress.done),
            total: entry.progress.as_ref().and_then(|progress| progress.total),
            value,
            failure: failure.map(|failure| Failure::clone(failure)),
            finished_at: outcome.map(|outcome| outcome.finished_at.to_string()),
        }
    }

    fn progress(&self) -> String {
        match (self.done, self.total) {
            (Some(done), Some(total)) => format!("{done} of {total}"),
            (Some(done), None) => done.to_string(),
            (None, _) => String::new(),
        }
    }
}

impl View for Known {
    fn text(&self) -> String {
        pairs([
            ("id", self.id.to_string()),
            ("state", self.state.to_string()),
            ("attempts", self.attempt.to_string()),
            ("progress", self.progress()),
            ("value", self.value.as_ref().map(Value::to_string).unwrap_or_default()),
            ("failure", self.failure.as_ref().map(Failure::to_string).unwrap_or_default()),
            ("finished", self.finished_at.clone().unwrap_or_default()),
        ])
    }
}
