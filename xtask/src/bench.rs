//! `bench`: speed beside others that do the same. Each subject is a workspace of
//! its own in `benches`, so that the peers stay out of the product's dependencies.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::shell;

/// What is measured.
#[derive(Subcommand)]
pub(crate) enum Subject {
    /// jumpstarter beside ractor, kameo, actix, xtra and bare tokio channels
    Actors(Options),
    /// `celeriac bench` beside other task queues and bare loops on the same servers
    Peers(PeerOptions),
    /// Sinks and sources beside the servers' clients by hand
    Edges(EdgeOptions),
}

/// How many documents the edges get, and how their rates are told.
#[derive(Args)]
pub(crate) struct EdgeOptions {
    /// How many documents each is given
    #[arg(long, value_name = "N")]
    documents: Option<usize>,
    /// Print the rates as JSON
    #[arg(long)]
    json: bool,
}

/// How much is measured of the peers, and how it is told.
#[derive(Args)]
pub(crate) struct PeerOptions {
    /// Less of everything: under a minute once it is built
    #[arg(long)]
    quick: bool,
    /// Print every figure as JSON
    #[arg(long)]
    json: bool,
    /// Only these, by name
    #[arg(long = "peer")]
    peers: Vec<String>,
}

/// How much is measured, and how it is told.
#[derive(Args)]
pub(crate) struct Options {
    /// Less of everything: under a minute once it is built
    #[arg(long)]
    quick: bool,
    /// Print every figure as JSON, with its ratio to the tokio channel
    #[arg(long)]
    json: bool,
    /// Only these cases, by name
    #[arg(long = "case")]
    cases: Vec<String>,
    /// Only these frameworks, by name; `channel` is bare tokio
    #[arg(long = "framework")]
    frameworks: Vec<String>,
}

/// Builds the subject's program and runs it.
pub(crate) fn run(subject: &Subject) -> Result<()> {
    match subject {
        Subject::Actors(options) => actors(options),
        Subject::Peers(options) => peers(options),
        Subject::Edges(options) => edges(options),
    }
}

fn actors(options: &Options) -> Result<()> {
    let mut arguments = program("--manifest-path=benches/actors/Cargo.toml");
    arguments.extend(options.quick.then_some("--quick"));
    arguments.extend(options.json.then_some("--json"));
    arguments.extend(options.cases.iter().flat_map(|case| ["--case", case]));
    arguments.extend(options.frameworks.iter().flat_map(|name| ["--framework", name]));
    // Nothing but what the program prints, as its JSON is read by others.
    shell::exec("cargo", &arguments)
}

fn peers(options: &PeerOptions) -> Result<()> {
    // What is measured of ours is the program that people have.
    shell::exec("cargo", &["build", "--quiet", "--release", "--locked", "-p", "celeriac-cli"])?;
    let mut arguments = program("--manifest-path=benches/peers/Cargo.toml");
    arguments.extend(options.quick.then_some("--quick"));
    arguments.extend(options.json.then_some("--json"));
    arguments.extend(options.peers.iter().flat_map(|peer| ["--peer", peer]));
    shell::exec("cargo", &arguments)
}

fn edges(options: &EdgeOptions) -> Result<()> {
    let documents = options.documents.map(|documents| documents.to_string());
    let mut arguments = program("--manifest-path=benches/edges/Cargo.toml");
    arguments.extend(documents.iter().flat_map(|documents| ["--documents", documents]));
    arguments.extend(options.json.then_some("--json"));
    shell::exec("cargo", &arguments)
}

/// How a program that is a workspace of its own is run.
fn program(manifest: &str) -> Vec<&str> {
    vec!["run", "--quiet", "--release", "--locked", manifest, "--"]
}
