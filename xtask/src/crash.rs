//! `crash`: the long form of the tests that kill real processes.

use anyhow::{Context, Result, ensure};
use clap::Args;
use std::process::Command;

/// How long they take.
#[derive(Args)]
pub(crate) struct Options {
    /// How often the process is killed
    #[arg(long, default_value_t = 200)]
    rounds: u32,
}

/// Runs them in release mode, and shows what they counted.
pub(crate) fn run(options: &Options) -> Result<()> {
    println!("crash: {} kills with SIGKILL, every acknowledged id accounted for", options.rounds);
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "-p", "celeriac", "--test", "crash", "--", "--nocapture"]);
    command.env("CELERIAC_CRASH_ROUNDS", options.rounds.to_string());
    let status = command.status().context("failed to run cargo")?;
    ensure!(status.success(), "a promise was broken: see above");
    Ok(())
}
