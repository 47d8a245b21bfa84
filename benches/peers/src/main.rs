//! Celeriac, its peers and bare loops under the same load, in one table.
//! `cargo xtask bench peers` builds and runs it.
//!
//! Each measurement is a process of its own; this file starts either one
//! measurement or all of them.

#![expect(clippy::disallowed_methods, reason = "peers are used as their documentation says")]

mod figures;
mod load;
mod outcomes;
mod peers;
mod program;
mod run;
mod server;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::load::Load;
use crate::peers::Peer;
use crate::run::Plan;

/// Celeriac, its peers and bare loops under the same load.
#[derive(Parser)]
struct Arguments {
    /// Less of everything: under a minute once it is built
    #[arg(long)]
    quick: bool,
    /// Print every figure as JSON
    #[arg(long)]
    json: bool,
    /// Only these, by name; all if there are none
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// Where the program `celeriac` is, built for release
    #[arg(long, value_name = "FILE", default_value = "target/release/celeriac")]
    celeriac: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// One measurement, as `run` starts it; prints its figures as JSON
    Measure {
        peer: Peer,
        address: String,
        tasks: usize,
        /// Where outcomes are kept, if not there
        #[arg(long)]
        store: Option<String>,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Measure { peer, address, tasks, store }) = arguments.command {
        let runtime = tokio::runtime::Runtime::new()?;
        let load = Load::new((address, store), tasks, arguments.celeriac);
        let figures = runtime.block_on(peer.measure(&load))?;
        println!("{}", serde_json::to_string(&figures)?);
        // Workers of some peers never end by themselves.
        runtime.shutdown_background();
        return Ok(());
    }
    let peers = if arguments.peers.is_empty() { Peer::all() } else { arguments.peers };
    let plan = Plan { peers, quick: arguments.quick, celeriac: arguments.celeriac };
    let rows = run::all(&plan)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        table::print(&rows);
    }
    Ok(())
}
