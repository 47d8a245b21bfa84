//! `chaos`: real servers and processes that fail at random; nothing is lost.

use anyhow::{Context, Result, ensure};
use clap::Args;
use std::process::Command;

/// How much, and where.
#[derive(Args)]
pub(crate) struct Options {
    /// How many tasks must be accepted, for each driver
    #[arg(long, default_value_t = 100_000)]
    tasks: u64,
    /// How many workflows must be accepted
    #[arg(long, default_value_t = 500)]
    workflows: u64,
    /// How many faults there must be
    #[arg(long, default_value_t = 100)]
    faults: u64,
    /// What decides who fails when; the default is another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// Show what the processes complain about
    #[arg(long)]
    errors: bool,
    /// Only this one: redis, postgres, rabbitmq, nats or directory
    driver: Option<String>,
}

/// Runs them in release mode, one driver after the other, and shows the figures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let features = "celeriac/amqp,celeriac/nats,celeriac/postgres,celeriac/redis";
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "-p", "celeriac", "--features", features]);
    command.args(["--test", "chaos"]).args(&options.driver);
    command.args(["--", "--nocapture", "--test-threads=1", "--include-ignored"]);
    command.env("CELERIAC_CHAOS_TASKS", options.tasks.to_string());
    command.env("CELERIAC_CHAOS_WORKFLOWS", options.workflows.to_string());
    command.env("CELERIAC_CHAOS_FAULTS", options.faults.to_string());
    if let Some(seed) = options.seed {
        command.env("CELERIAC_CHAOS_SEED", seed.to_string());
    }
    if options.errors {
        command.env("CELERIAC_TEST_CHILDREN", "1");
    }
    let status = command.status().context("failed to run cargo")?;
    ensure!(status.success(), "a promise was broken: see above, and its CELERIAC_CHAOS_SEED");
    Ok(())
}
