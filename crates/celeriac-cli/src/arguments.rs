//! The command line: global options and the list of commands. What a command
//! takes is said beside what it does, in `commands`.

use std::path::PathBuf;

use celeriac::Address;
use clap::{Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::commands::{
    completions::CompletionsArgs, config::ConfigCommand, doctor::DoctorArgs, health::HealthArgs,
    inspect::InspectArgs, key::KeyCommand, publisher::PublisherArgs, quarantine::QuarantineCommand,
    queues::QueuesCommand, result::ResultArgs, revoke::RevokeArgs, send::SendArgs,
    tasks::TasksCommand, worker, worker::WorkerArgs, workflow::WorkflowCommand,
};

const EXAMPLES: &str = "\
Examples:
  celeriac dev                                     everything in one process, to try things out
  celeriac --broker ./data worker                  run the tasks that wait in ./data
  celeriac --broker ./data send mail.welcome --args '[1, \"ann@example.org\"]' --wait
  celeriac --broker ./data queues list             what waits where
  celeriac help send                               about one command, with examples

Exit codes:
    0  done
    1  it failed: the command, or the task that was waited for
    2  the command line or the configuration is wrong
    3  what was asked for does not exist
    4  the broker does not answer or is in use, or time ran out: try again
  130  interrupted by Ctrl-C";

/// Run background tasks: durable, fast, embedded or as a cluster.
#[derive(Debug, Parser)]
#[command(name = "celeriac", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// Where messages wait: `memory://`, `file:///dir`, a directory, or a server
    /// such as `redis://host` [env: CELERIAC_BROKER].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) broker: Option<Address>,
    /// Where results and other state live, if not where the broker is
    /// [env: CELERIAC_STORE].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<Address>,
    /// The configuration file. Default: `celeriac.toml`, if there is one.
    #[arg(
        long,
        global = true,
        env = "CELERIAC_CONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs; its keys stay the same.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What is logged to stderr: error, warn, info, debug, trace, or `target=level,…`.
    #[arg(long, global = true, env = "CELERIAC_LOG", value_name = "LEVEL", hide_env_values = true)]
    pub(crate) log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try things out: everything in one process, until Ctrl-C.
    #[command(after_help = worker::DEV_EXAMPLES)]
    Dev(WorkerArgs),
    Worker(WorkerArgs),
    Publisher(PublisherArgs),
    Send(SendArgs),
    Result(ResultArgs),
    Revoke(RevokeArgs),
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    #[command(subcommand)]
    Tasks(TasksCommand),
    #[command(subcommand)]
    Queues(QueuesCommand),
    Inspect(InspectArgs),
    Health(HealthArgs),
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    Bench(BenchArgs),
    Doctor(DoctorArgs),
    #[command(subcommand)]
    Key(KeyCommand),
    #[command(subcommand)]
    Config(ConfigCommand),
    Completions(CompletionsArgs),
}

impl Command {
    /// What is logged unless `--log` says otherwise: services tell what they
    /// do, single commands only what is wrong.
    pub(crate) const fn log_level(&self) -> &'static str {
        match self {
            Self::Dev(_) | Self::Worker(_) | Self::Publisher(_) => "info",
            _ => "warn",
        }
    }

    /// What a person must agree to first.
    pub(crate) fn question(&self) -> Option<String> {
        match self {
            Self::Queues(command) => command.question(),
            Self::Quarantine(command) => command.question(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for() {
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} lacks a description");
            assert!(command.get_after_help().is_some(), "{name} lacks examples");
        }
    }
}
