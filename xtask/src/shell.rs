//! Running other programs, visibly.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Runs a program in the workspace's root; its output goes where ours goes.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    run_with(program, arguments, &[])
}

/// As [`run`], with environment variables.
pub(crate) fn run_with(
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<()> {
    let shown = format!("{program} {}", arguments.join(" "));
    println!("$ {shown}");
    let began = Instant::now();
    let status = command(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("failed to start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    println!("  done in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// As [`run`], but prints nothing of its own.
pub(crate) fn exec(program: &str, arguments: &[&str]) -> Result<()> {
    let shown = format!("{program} {}", arguments.join(" "));
    let status = command(program)
        .args(arguments)
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("failed to start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}

/// Runs `cargo` with arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    run("cargo", arguments)
}

/// What a program prints, run in the workspace's root.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = command(program)
        .args(arguments)
        .current_dir(workspace::root())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` failed ({})", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no text"))
}

/// Whether a program is there and answers.
pub(crate) fn has(program: &str, arguments: &[&str]) -> bool {
    command(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A program that does not take itself for one that `cargo run` started, as
/// xtask is: cargo-machete reads its arguments differently then.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_remove("CARGO_PKG_NAME");
    command
}

/// Whether this is CI's run: `CI` is set to something.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}
