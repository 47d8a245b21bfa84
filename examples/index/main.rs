//! Indexes every file below a folder: a chord of one CPU-bound task a file, and
//! a body that writes the manifest.
//!
//! Kill it at any moment and start it again with the same `--out`: the workflow
//! goes on where it was, and ends with the same manifest.

#![expect(
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of a few modules that talks to people"
)]

#[cfg(test)]
mod kills;
mod manifest;
mod plan;
mod task;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use celeriac::canvas::group;
use celeriac::workflow::Start;
use celeriac::{App, Config, QueueName, Timestamp, WorkflowHandle};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::manifest::{Summary, write_manifest};
use crate::plan::Plan;
use crate::task::{Root, hash_file};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often the progress bar moves.
const GLANCE: Duration = Duration::from_millis(500);
/// How long the workflow is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
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
    let plan = Arc::new(Plan::open(&arguments.dir, &arguments.out, arguments.restart)?);
    let app = App::from_config(config(&arguments.out))?
        .register(hash_file)
        .register(write_manifest)
        .provide(Root(plan.dir.clone()))
        .provide(plan.clone());
    let worker = app.start_worker().await.context("failed to start the worker")?;

    let indexed = tokio::select! {
        summary = index(&app, &plan) => Some(summary?),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("failed to listen for Ctrl-C")?;
            None
        }
    };
    worker.stop().await;
    app.shutdown().await;
    let Some(summary) = indexed else {
        eprintln!("interrupted; run the same command again to go on");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    plan.finish()?;
    for failed in &summary.first_failures {
        eprintln!("failed: {}: {}", failed.path, failed.error);
    }
    let Summary { files, failed, manifest, .. } = summary;
    println!("files: {files}, failed: {failed}, manifest: {}", manifest.display());
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
    config.tasks.result_ttl = KEPT;
    config
}

/// Starts the workflow, unless it is under way, and waits for its end.
async fn index(app: &App, plan: &Plan) -> anyhow::Result<Summary> {
    let files = plan.files.iter();
    let members: Vec<_> =
        files.map(|file| hash_file::s(file.path.clone(), file.raw.clone())).collect();
    let workflow = group(members).settle().then(write_manifest::p());
    let start = Start {
        // The plan's own: started again, it is the same one.
        id: plan.run,
        name: "index".into(),
        version: 0,
        queue: QueueName::DEFAULT,
        expires_at: Timestamp::now().after(KEPT),
    };
    app.start_as(start, &workflow.into_data()?).await.context("failed to start the index")?;
    let handle: WorkflowHandle<Summary> = app.workflow_handle(plan.run);

    let bar = ProgressBar::new(plan.files.len() as u64);
    let style = "{bar:40} {pos}/{len} files, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?);
    let mut glances = tokio::time::interval(GLANCE);
    let mut end = std::pin::pin!(handle.get());
    loop {
        tokio::select! {
            summary = &mut end => {
                bar.finish_and_clear();
                return Ok(summary?);
            }
            _ = glances.tick(), if !bar.is_hidden() => {
                bar.set_position(handle.progress().await?.done);
            }
        }
    }
}
