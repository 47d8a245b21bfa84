//! `sim`: whole clusters, simulated by many seeds, or one seed with its trace.

use anyhow::{Context, Result, ensure};
use clap::Args;
use std::process::Command;

/// Which seeds.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seeds each kind of scenario runs
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Show all that happens; takes `--seed`
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Only the scenarios whose name contains this
    scenario: Option<String>,
}

/// Runs them in release mode. What fails prints its seed, the smallest canvas
/// that fails like it, and the trace.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "-p", "celeriac", "--test", "sim"]);
    command.args(&options.scenario).args(["--", "--nocapture"]);
    match options.seed {
        Some(seed) => {
            command.env("CELERIAC_SIM_SEED", seed.to_string());
            // One after the other, so that a trace can be read.
            command.arg("--test-threads=1");
        }
        None => {
            command.env("CELERIAC_SIM_SEEDS", options.seeds.to_string());
            command.env("CELERIAC_SIM_FROM", options.from.to_string());
        }
    }
    if options.trace {
        command.env("CELERIAC_SIM_TRACE", "1");
    }
    let status = command.status().context("failed to run cargo")?;
    ensure!(status.success(), "a promise was broken: see above; `--seed S --trace` runs one seed");
    Ok(())
}
