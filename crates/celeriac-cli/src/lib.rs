//! The command line of Celeriac, for its own program and for yours.
//!
//! The program `celeriac` knows no tasks. A program that does has the same
//! commands, `worker` and `dev` among them, with a `main` like this:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! #[celeriac::task]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! fn main() -> ExitCode {
//!     celeriac_cli::run(celeriac::App::memory().register(add))
//! }
//! ```
//!
//! What tasks are and how they run is decided elsewhere; this crate reads
//! arguments, calls the app and prints.

#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod commands;
mod configuration;
mod confirm;
mod logs;
mod output;
mod problem;
#[cfg(unix)]
mod relay;
mod session;
mod signals;

use std::ffi::OsString;
use std::process::ExitCode;

use celeriac::App;
use clap::Parser as _;
use tokio::runtime::Runtime;

use arguments::{Arguments, Command, Globals};
use commands::worker::Mode;
use commands::{
    completions, config, doctor, inspect, quarantine, queues, result, revoke, send, worker,
};
use output::{Output, Reader};
use problem::{Exit, Problem, Result};
use session::{Place, Session};
use signals::Signals;

/// Runs the command line of this process with `app`, and gives the exit code.
/// A configuration file goes before what the app was made with, `CELERIAC_…`
/// variables before the file, and flags before all.
///
/// It builds its own tokio runtime: call it from a plain `main`.
#[must_use]
pub fn run(app: App) -> ExitCode {
    run_from(app, std::env::args_os())
}

/// As [`run`], with these arguments; the first is the program's name.
#[must_use]
pub fn run_from(app: App, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let given: Vec<_> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(help_or_error) => {
            // Nobody is left to be told that the terminal is gone.
            let _ = help_or_error.print();
            return ExitCode::from(u8::try_from(help_or_error.exit_code()).unwrap_or(2));
        }
    };
    let reader = if arguments.globals.json { Reader::Program } else { Reader::Person };
    let output = Output::new(reader);
    let executed = execute(app, arguments, given, &output);
    executed.unwrap_or_else(|problem| {
        output.problem(&problem);
        problem.exit.into()
    })
}

fn execute(
    app: App,
    arguments: Arguments,
    given: Vec<OsString>,
    output: &Output,
) -> Result<ExitCode> {
    let Arguments { globals, command } = arguments;
    logs::start(globals.log.as_deref().unwrap_or(command.log_level()))?;
    if let Some(question) = command.question() {
        confirm::confirm(&question)?;
    }
    let config = configuration::load(app.config(), &globals, &command)?;
    let app = app.with_config(config)?;
    let session = Session { app, output: output.clone(), place: Place::Caller };
    let runtime = Runtime::new()
        .map_err(|error| Problem::failure(format!("failed to start a runtime: {error}")))?;
    let done = runtime.block_on(dispatch(command, &globals, given, &session));
    // Sync tasks that do not end must not keep the process alive.
    runtime.shutdown_background();
    done
}

async fn dispatch(
    command: Command,
    globals: &Globals,
    given: Vec<OsString>,
    session: &Session,
) -> Result<ExitCode> {
    let output = &session.output;
    match command {
        Command::Config(command) => config::run(&command, session.app.config(), output)?,
        Command::Completions(args) => completions::run(&args, output)?,
        Command::Dev(_) => Box::pin(worker::run(Mode::Dev, session)).await?,
        Command::Worker(_) => Box::pin(worker::run(Mode::Worker, session)).await?,
        Command::Bench(args) => {
            let broker = globals.broker.as_deref();
            interruptible(Box::pin(bench::run(&args, broker, output))).await?;
        }
        command => return Box::pin(relayed(command, given, session)).await,
    }
    session.app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Lets the worker that uses the broker's directory do the command; without
/// one it is done here.
async fn relayed(command: Command, given: Vec<OsString>, session: &Session) -> Result<ExitCode> {
    #[cfg(unix)]
    if let Some(directory) = session.directory() {
        let given = given.iter().map(|given| given.to_string_lossy().into_owned()).collect();
        if let Some(reply) = interruptible(relay::ask(&directory, given)).await? {
            session.output.forward(&reply.stdout, &reply.stderr)?;
            return Ok(ExitCode::from(reply.exit));
        }
    }
    let performed = interruptible(perform(command, session)).await;
    session.app.shutdown().await;
    performed.map(|()| ExitCode::SUCCESS)
}

/// Does a command that uses the app for a moment.
async fn perform(command: Command, session: &Session) -> Result<()> {
    match command {
        Command::Send(args) => send::run(args, session).await,
        Command::Result(args) => result::run(&args, session).await,
        Command::Revoke(args) => revoke::run(&args, session).await,
        Command::Queues(command) => queues::run(&command, session).await,
        Command::Inspect(args) => inspect::run(&args, session).await,
        Command::Quarantine(command) => quarantine::run(&command, session).await,
        Command::Doctor(_) => doctor::run(session).await,
        Command::Dev(_)
        | Command::Worker(_)
        | Command::Bench(_)
        | Command::Config(_)
        | Command::Completions(_) => Err(Problem::usage("a worker can't do this for others")),
    }
}

/// Ends early on Ctrl-C.
async fn interruptible<T>(working: impl Future<Output = Result<T>>) -> Result<T> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        result = working => result,
        () = signals.next() => Err(Problem::new(Exit::Interrupted, "interrupted")),
    }
}
