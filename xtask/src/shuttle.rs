//! `shuttle`: jumpstarter's locks and atomics in many interleavings.
//!
//! Only the crate itself is built in another way, so that this takes seconds.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::{shell, workspace};

/// How long it tries.
#[derive(Args)]
pub(crate) struct Options {
    /// How often each scenario is tried by each of the two schedulers
    #[arg(long, default_value_t = SHORT)]
    iterations: usize,
}

/// What the gate has time for.
const SHORT: usize = 3_000;

impl Default for Options {
    fn default() -> Self {
        Options { iterations: SHORT }
    }
}

/// Builds jumpstarter's tests with shuttle's locks, and runs them.
pub(crate) fn run(options: &Options) -> Result<()> {
    let test = build()?;
    println!("shuttle: {} interleavings a scenario, twice", options.iterations);
    let status = Command::new(&test)
        .arg("interleavings")
        .env("JUMPSTARTER_SHUTTLE_ITERATIONS", options.iterations.to_string())
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("failed to start {test}"))?;
    ensure!(status.success(), "an interleaving breaks a promise: the schedule is shown above");
    Ok(())
}

/// One line of what cargo says.
#[derive(Deserialize)]
struct Line {
    executable: Option<String>,
}

/// The path of the test program.
fn build() -> Result<String> {
    let arguments = ["rustc", "--package=jumpstarter", "--lib", "--profile=test"];
    let format = ["--message-format=json-render-diagnostics", "--", "--cfg", "shuttle"];
    let lines = shell::output("cargo", &[&arguments[..], &format[..]].concat())?;
    let mut executables = lines.lines().filter_map(|line| {
        let line: Line = serde_json::from_str(line).ok()?;
        line.executable
    });
    executables.next().context("cargo named no test program")
}
