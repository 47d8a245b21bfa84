//! Indexes every file below a folder: one CPU-bound task a file.
//!
//! Kill it at any moment and start it again with the same `--out`: it goes on
//! where it was, and ends with the same manifest.

#![expect(
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of a few modules that talks to people"
)]

mod manifest;
mod plan;
mod task;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use celeriac::{App, AsyncResult, Config, MessageId, ResultError};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::task::{FileFacts, Root, hash_file};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many files are sent at once.
const BATCH: usize = 1000;
/// How many failures are shown; the manifest has all.
const SHOWN: usize = 10;
/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Index every file below DIR: path, bytes, lines and SHA-256, in a manifest.json.
///
/// Kill it at any moment and start it again with the same --out: it goes on
/// where it was. Symbolic links are not
/// followed; pipes, sockets and devices are left out. Lines are counted as `wc -l`
/// counts them.
#[derive(Parser)]
struct Arguments {
    /// The folder to index.
    dir: PathBuf,
    /// Where the manifest and the state are kept.
    #[arg(long, default_value = "./index-data")]
    out: PathBuf,
    /// Give up an unfinished index in --out and begin anew.
    #[arg(long)]
    restart: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let plan = Plan::open(&arguments.dir, &arguments.out, arguments.restart)?;
    let app = App::from_config(config(&arguments.out))?
        .register(hash_file)
        .provide(Root(plan.dir.clone()));
    let worker = app.start_worker().await.context("failed to start the worker")?;

    let indexed = tokio::select! {
        manifest = index(&app, &plan) => Some(manifest?),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("failed to listen for Ctrl-C")?;
            None
        }
    };
    worker.stop().await;
    app.shutdown().await;
    let Some(manifest) = indexed else {
        eprintln!("interrupted; run the same command again to go on");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let path = manifest.write(&arguments.out)?;
    plan.finish()?;
    for failed in manifest.failed.iter().take(SHOWN) {
        eprintln!("failed: {}: {}", failed.path, failed.error);
    }
    let (files, failed) = (manifest.files.len(), manifest.failed.len());
    println!("files: {files}, failed: {failed}, manifest: {}", path.display());
    Ok(ExitCode::SUCCESS)
}

fn config(out: &std::path::Path) -> Config {
    let mut config =
        Config { broker: out.join("queue").display().to_string().into(), ..Config::default() };
    // Reading and hashing kills no process: whoever kills this program often
    // means the program, not the file at work.
    config.worker.max_deaths = u32::MAX;
    config.worker.grace = Duration::from_secs(5);
    config.tasks.retry_initial = Duration::from_millis(100);
    config.tasks.result_ttl = Duration::from_secs(30 * 24 * 3600);
    config
}

/// Sends what was not sent, then gathers all outcomes.
async fn index(app: &App, plan: &Plan) -> anyhow::Result<Manifest> {
    let bar = ProgressBar::new(plan.files.len() as u64);
    let style = "{bar:40} {pos}/{len} files, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?);
    send_missing(app, plan).await?;

    let mut manifest = Manifest::new(&plan.unreadable);
    for file in &plan.files {
        let result = app.result::<FileFacts>(plan.id_of(file)).await?;
        add(&mut manifest, file, &result).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    manifest.sort();
    Ok(manifest)
}

async fn add(
    manifest: &mut Manifest,
    file: &walk::Found,
    result: &AsyncResult<FileFacts>,
) -> anyhow::Result<()> {
    match result.get().await {
        Ok(facts) => manifest.add(file, facts),
        Err(ResultError::Failed { failure, .. } | ResultError::Quarantined { failure, .. }) => {
            manifest.add_failed(file, failure.message);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The ids derive from the plan, so that what is sent twice runs once.
async fn send_missing(app: &App, plan: &Plan) -> anyhow::Result<()> {
    if plan.was_sent() {
        return Ok(());
    }
    for files in plan.files.chunks(BATCH) {
        let ids: Vec<MessageId> = files.iter().map(|file| plan.id_of(file)).collect();
        let calls = files
            .iter()
            .zip(&ids)
            .map(|(file, id)| hash_file::s(file.path.clone(), file.raw.clone()).id(*id));
        app.send_many(calls).await.context("failed to send files to be hashed")?;
    }
    plan.note_sent()
}
