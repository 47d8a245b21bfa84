//! Jumpstarter, its peers and bare tokio channels on the same cases, in one
//! table. `cargo xtask bench actors` builds and runs it.
//!
//! Each measurement is a process of its own; this file starts either one
//! measurement or all of them.

#![expect(clippy::disallowed_methods, reason = "bare tokio is the yardstick")]

mod case;
mod figure;
mod framework;
mod frameworks;
mod goal;
mod memory;
mod rounds;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::case::{Case, Size};
use crate::frameworks::Name;

/// The same cases on jumpstarter, its peers, and bare tokio channels.
#[derive(Parser)]
struct Arguments {
    /// Less of everything: under a minute, for a look while you change things
    #[arg(long)]
    quick: bool,
    /// Print every figure as JSON, with its ratio to the tokio channel
    #[arg(long)]
    json: bool,
    /// Only these cases, by name; all if there are none
    #[arg(long = "case")]
    cases: Vec<Case>,
    /// Only these frameworks, by name; all if there are none
    #[arg(long = "framework")]
    frameworks: Vec<Name>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// One measurement, as `rounds` starts it; prints its figures as JSON
    Measure { framework: Name, case: Case, size: Size },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Measure { framework, case, size }) = arguments.command {
        // The crashes of the restart cases are on purpose.
        std::panic::set_hook(Box::new(|_| {}));
        println!("{}", serde_json::to_string(&framework.measure(case, size))?);
        return Ok(());
    }
    let mut plan = rounds::Plan::new(if arguments.quick { Size::Quick } else { Size::Full });
    if !arguments.cases.is_empty() {
        plan.cases = arguments.cases;
    }
    if !arguments.frameworks.is_empty() {
        plan.frameworks = arguments.frameworks;
    }
    let results = rounds::run(&plan)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results.report())?);
    } else {
        table::print(&results);
    }
    Ok(())
}
