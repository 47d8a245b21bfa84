//! `cargo xtask`: the chores of the repository, one file per command.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod bench;
mod chaos;
mod crash;
mod fix;
mod layers;
mod shell;
mod shuttle;
mod sim;
mod test;
mod tidy;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test
    Test(test::Options),
    /// Check everything, change nothing: the gate before a commit
    Verify(verify::Options),
    /// Kill real processes, many times: the long form of the crash tests
    Crash(crash::Options),
    /// Let real servers, networks and processes fail, many times: nothing is lost
    Chaos(chaos::Options),
    /// Simulate whole clusters, by many seeds: the long form of the simulation
    Sim(sim::Options),
    /// Try jumpstarter's locks and atomics in many interleavings
    Shuttle(shuttle::Options),
    /// Measure beside others that do the same
    #[command(subcommand)]
    Bench(bench::Subject),
    /// Format, and mend what clippy can mend
    Fix,
    /// Check which crate may depend on which
    Layers,
    /// Check files, names, the rules of docs/spec and the changelog
    Tidy,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Test(options) => test::run(options),
        Command::Verify(options) => verify::run(options),
        Command::Crash(options) => crash::run(options),
        Command::Chaos(options) => chaos::run(options),
        Command::Sim(options) => sim::run(options),
        Command::Shuttle(options) => shuttle::run(options),
        Command::Bench(subject) => bench::run(subject),
        Command::Fix => fix::run(),
        Command::Layers => layers::run(),
        Command::Tidy => tidy::run(),
    }
}
