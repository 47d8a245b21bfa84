//! `test`: every test there is, on a machine that has Rust and nothing else.
//!
//! The C compiler that SQLite needs is there: Rust links with it, xtask too.

use anyhow::Result;
use clap::Args;

use crate::shell;

/// How the tests are run.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Use `cargo test` even where cargo-nextest is installed
    #[arg(long)]
    plain: bool,
    /// Leave out the examples in the documentation
    #[arg(long)]
    no_doc: bool,
}

/// Runs the tests; with cargo-nextest where it is installed.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_doc {
        // First, so that the runner's summary of all other tests comes last.
        shell::cargo(&["test", "--workspace", "--doc"])?;
    }
    // What the facade promises in memory, it promises in a directory too.
    let durable = [("CELERIAC_CRASH_DURABLE", "1")];
    shell::run_with("cargo", &["test", "-p", "celeriac", "--test", "it", "--quiet"], &durable)?;
    run_tests(options.plain)?;
    println!("test: everything passed");
    Ok(())
}

fn run_tests(plain: bool) -> Result<()> {
    if !plain && shell::has("cargo", &["nextest", "--version"]) {
        let profile = if shell::in_ci() { "ci" } else { "default" };
        return shell::cargo(&["nextest", "run", "--workspace", "--profile", profile]);
    }
    if !plain {
        println!("cargo-nextest is not installed: using `cargo test`, which is slower");
    }
    shell::cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--examples"])
}
