//! `test`: every test there is, on a machine that has Rust and nothing else.

use anyhow::{Context, Result};
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

/// Installs what is missing, then runs the tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure_c_compiler()?;
    if !options.no_doc {
        // First, so that the runner's summary of all other tests comes last.
        shell::cargo(&["test", "--workspace", "--doc"])?;
    }
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

/// SQLite is compiled from C: without a compiler nothing links, and that takes
/// minutes to find out.
pub(crate) fn ensure_c_compiler() -> Result<()> {
    if shell::has("cc", &["--version"]) {
        return Ok(());
    }
    println!("there is no C compiler (`cc`): installing gcc and libc6-dev with apt-get");
    let hint = "install a C compiler (on Debian: `apt-get install gcc libc6-dev`) and try again";
    shell::run("apt-get", &["update"]).context(hint)?;
    shell::run("apt-get", &["install", "-y", "gcc", "libc6-dev"]).context(hint)
}
