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
mod session;
mod signals;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use celeriac::App;
use clap::Parser as _;
use tokio::runtime::Runtime;

use arguments::{Arguments, Command, Globals};
use commands::worker::Mode;
use commands::{
    completions, config, doctor, health, inspect, key, publisher, quarantine, queues, result,
    revoke, send, tasks, worker, workflow,
};
use output::{Output, Reader};
use problem::{Exit, Problem, Result};
use session::Session;
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
        Err(help_or_error) => return misread(&given, &help_or_error),
    };
    let reader = if arguments.globals.json { Reader::Program } else { Reader::Person };
    let output = Output::new(reader);
    let program = program(&given, &arguments.globals);
    match execute(app, arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            output.problem(&problem.said_by(&program));
            problem.exit.into()
        }
    }
}

/// How this program was called, with the broker and store that it was called with.
fn program(given: &[OsString], globals: &Globals) -> String {
    let path = given.first().map(Path::new).and_then(Path::file_name);
    let mut called = path.map_or("celeriac".into(), |name| name.to_string_lossy()).into_owned();
    for (flag, address) in [("--broker", &globals.broker), ("--store", &globals.store)] {
        if let Some(address) = address {
            called.push_str(&format!(" {flag} {address}"));
        }
    }
    called
}

/// Prints help, or what is wrong with the command line.
fn misread(given: &[OsString], help_or_error: &clap::Error) -> ExitCode {
    let is_error = help_or_error.use_stderr();
    if is_error && given.iter().any(|argument| argument == "--json") {
        let text = help_or_error.render().to_string();
        let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let problem = Problem::usage(message).hint("`celeriac help` tells what is right");
        Output::new(Reader::Program).problem(&problem);
    } else {
        // Nobody is left to be told that the terminal is gone.
        let _ = help_or_error.print();
    }
    ExitCode::from(u8::try_from(help_or_error.exit_code()).unwrap_or(2))
}

fn execute(app: App, arguments: Arguments, output: &Output) -> Result<()> {
    let Arguments { globals, command } = arguments;
    logs::start(globals.log.as_deref().unwrap_or(command.log_level()))?;
    if let Some(question) = command.question() {
        confirm::confirm(&question)?;
    }
    let config = configuration::load(app.config(), &globals, &command)?;
    let app = app.with_config(config)?;
    let session = Session { app, output: *output };
    let runtime = Runtime::new()
        .map_err(|error| Problem::failure(format!("failed to start a runtime: {error}")))?;
    let done = runtime.block_on(dispatch(command, &globals, &session));
    // Sync tasks that do not end must not keep the process alive.
    runtime.shutdown_background();
    done
}

async fn dispatch(command: Command, globals: &Globals, session: &Session) -> Result<()> {
    // Services stop in their own way, and a bench cleans up.
    let is_service = match &command {
        Command::Dev(_) | Command::Worker(_) | Command::Publisher(_) | Command::Bench(_) => true,
        Command::Inspect(args) => args.is_endless(),
        _ => false,
    };
    let performing = Box::pin(perform(command, globals, session));
    let performed = if is_service { performing.await } else { interruptible(performing).await };
    session.app.shutdown().await;
    performed
}

async fn perform(command: Command, globals: &Globals, session: &Session) -> Result<()> {
    let output = &session.output;
    match command {
        Command::Dev(_) => worker::run(Mode::Dev, session).await,
        Command::Worker(_) => worker::run(Mode::Worker, session).await,
        Command::Publisher(args) => publisher::run(&args, session).await,
        Command::Send(args) => send::run(args, session).await,
        Command::Result(args) => result::run(&args, session).await,
        Command::Revoke(args) => revoke::run(&args, session).await,
        Command::Tasks(command) => tasks::run(&command, session).await,
        Command::Workflow(command) => workflow::run(&command, session).await,
        Command::Queues(command) => queues::run(&command, session).await,
        Command::Inspect(args) => inspect::run(&args, session).await,
        Command::Health(args) => health::run(&args, session).await,
        Command::Quarantine(command) => quarantine::run(&command, session).await,
        Command::Bench(args) => bench::run(&args, globals, output).await,
        Command::Doctor(_) => doctor::run(session).await,
        Command::Key(command) => key::run(&command, session),
        Command::Config(command) => config::run(&command, session.app.config(), output),
        Command::Completions(args) => completions::run(&args, output),
    }
}

/// Ends early on Ctrl-C.
pub(crate) async fn interruptible<T>(working: impl Future<Output = Result<T>>) -> Result<T> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        result = working => result,
        () = signals.next() => Err(Problem::new(Exit::Interrupted, "interrupted")),
    }
}
