//! `celeriac worker` and `celeriac dev`: run tasks until they are told to stop.

use std::time::Duration;

use celeriac::{Config, Question};

use crate::problem::{Exit, Problem, Result};
use crate::session::Session;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  celeriac --broker ./data worker
  celeriac --broker ./data worker --queues mail,reports --concurrency 8

Ctrl-C or SIGTERM stops it gracefully: nothing new begins, what runs may end within the
grace, what did not end comes again at the next start; the exit code is then 0. A second
Ctrl-C stops it at once, with exit code 130.

`celeriac` itself knows no tasks; run the same command in your own program, whose `main`
is `celeriac_cli::run(app)`.";

pub(crate) const DEV_EXAMPLES: &str = "\
Examples:
  celeriac --broker memory:// dev       nothing is kept
  celeriac --broker ./data dev          other terminals send to ./data and look into it

It is a worker that also says what you can do with it. `celeriac` itself knows no tasks;
run the same command in your own program, whose `main` is `celeriac_cli::run(app)`.";

/// Run the tasks that wait.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkerArgs {
    /// The queues to serve, in turn. Default: those of the app's tasks.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    queues: Vec<String>,
    /// How many runs of one async task may be under way at once.
    #[arg(long, value_name = "N")]
    concurrency: Option<std::num::NonZeroUsize>,
    /// How long running tasks may go on when the worker stops. Default: 30s.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
}

/// How the worker is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For production: says in its log what it does.
    Worker,
    /// To try things out: says what can be done with it.
    Dev,
}

impl WorkerArgs {
    /// Writes what was given into the configuration.
    pub(crate) fn apply(&self, config: &mut Config) {
        if !self.queues.is_empty() {
            config.worker.queues.clone_from(&self.queues);
        }
        if let Some(concurrency) = self.concurrency {
            config.worker.concurrency = concurrency.get();
        }
        if let Some(grace) = self.grace {
            config.worker.grace = grace;
        }
    }
}

pub(crate) async fn run(mode: Mode, session: &Session) -> Result<()> {
    let mut signals = Signals::listen()?;
    let worker = tokio::select! {
        started = session.app.start_worker() => started?,
        () = signals.next() => return Err(interrupted()),
    };
    tracing::info!(worker = worker.name(), broker = %session.app.config().broker, "started");
    if mode == Mode::Dev {
        welcome(session).await?;
    }
    signals.next().await;
    tracing::info!("stopping: running tasks may end; a second Ctrl-C stops at once");
    tokio::select! {
        () = worker.stop() => {}
        () = signals.next() => return Err(interrupted()),
    }
    tracing::info!("stopped");
    Ok(())
}

fn interrupted() -> Problem {
    Problem::new(Exit::Interrupted, "stopped before running tasks had ended")
        .hint("they come again when a worker starts")
}

/// Says what was started, and what can be done with it.
async fn welcome(session: &Session) -> Result<()> {
    let mut tasks = Vec::new();
    for (_, answer) in session.app.inspect(Question::Registered).await? {
        let known = answer.unwrap_or_default();
        let names = known.as_array().into_iter().flatten().filter_map(|task| task["name"].as_str());
        tasks.extend(names.map(str::to_owned));
    }
    let broker = &session.app.config().broker;
    session.output.note(&format!("Celeriac runs with {broker}; Ctrl-C stops it."));
    match tasks.first() {
        Some(task) => {
            session.output.note(&format!("Tasks: {}", tasks.join(", ")));
            if broker.scheme() != "memory" {
                let example = format!("celeriac --broker {broker} send {task} --args '[]' --wait");
                session.output.note(&format!("Try, in another terminal:  {example}"));
            }
        }
        None => session.output.note(
            "It knows no tasks: register some, and call `celeriac_cli::run(app)` in your `main`.",
        ),
    }
    Ok(())
}
