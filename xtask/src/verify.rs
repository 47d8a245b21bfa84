//! `verify`: the one gate. It reads and builds, and rewrites nothing.

use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::{layers, shell, shuttle, test, tidy};

/// Which parts of the gate are run.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave the tests out, where `cargo xtask test` has just run
    #[arg(long)]
    no_test: bool,
    /// Install cargo-deny and cargo-machete if they are missing (takes minutes)
    #[arg(long)]
    install: bool,
}

const TARGETS: [&str; 3] = ["--workspace", "--all-targets", "--all-features"];

/// Runs every check, the quick ones first, up to the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    step("format", format)?;
    step("tidy", tidy::run)?;
    step("layers", layers::run)?;
    step("clippy", clippy)?;
    if options.no_test {
        println!("\n== tests: left out (--no-test)");
    } else {
        step("tests", || test::run(&test::Options::default()))?;
    }
    step("shuttle", || shuttle::run(&shuttle::Options::default()))?;
    step("rustdoc", rustdoc)?;
    step("examples", || shell::cargo(&["build", "--workspace", "--examples"]))?;
    let skipped = [
        tool(options, "cargo-machete", &["machete", "--version"], || shell::cargo(&["machete"]))?,
        tool(options, "cargo-deny", &["deny", "--version"], || {
            // Not `advisories`: its database is fetched from a host that not
            // every machine reaches.
            shell::cargo(&[
                "deny",
                "--log-level=error",
                "--all-features",
                "check",
                "bans",
                "licenses",
                "sources",
            ])
        })?,
    ];
    let seconds = began.elapsed().as_secs_f64();
    println!("\nverify: everything passed in {seconds:.0} s");
    for reason in skipped.into_iter().flatten() {
        println!("verify: SKIPPED {reason}");
    }
    Ok(())
}

fn step(name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    check().with_context(|| format!("the step `{name}` failed"))
}

fn format() -> Result<()> {
    shell::cargo(&["fmt", "--all", "--check"]).context("`cargo xtask fix` formats")
}

fn clippy() -> Result<()> {
    let arguments = [&["clippy"], &TARGETS[..], &["--", "-D", "warnings"]];
    shell::cargo(&arguments.concat())
}

fn rustdoc() -> Result<()> {
    // A crate's page is a table of its modules, private ones too.
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    let arguments = ["doc", "--workspace", "--all-features", "--no-deps"];
    shell::run_with("cargo", &arguments, &[("RUSTDOCFLAGS", flags)])
}

/// Runs a check by a tool that may be missing; says why if it was skipped.
/// CI tries to install it, and goes on without it if that can't be done.
fn tool(
    options: &Options,
    package: &str,
    version: &[&str],
    check: impl FnOnce() -> Result<()>,
) -> Result<Option<String>> {
    let in_ci = shell::in_ci();
    if !shell::has("cargo", version) {
        if !options.install && !in_ci {
            let reason = "it is not installed; `cargo xtask verify --install` installs it";
            return Ok(Some(format!("{package}: {reason}")));
        }
        println!("\n== installing {package}, once");
        match shell::cargo(&["install", "--locked", package]) {
            Err(error) if !options.install => return Ok(Some(format!("{package}: {error}"))),
            installed => installed?,
        }
    }
    step(package, check)?;
    Ok(None)
}
