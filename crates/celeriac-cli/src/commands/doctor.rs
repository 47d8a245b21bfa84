//! `celeriac doctor`: looks for what would keep tasks from running well.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use celeriac::{Filter, Question};
use serde::Serialize;

use crate::output::View;
use crate::problem::{Problem, Result, with_causes};
use crate::session::Session;

/// A slower disk limits how fast single tasks can be sent.
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// How often the disk is asked.
const SYNCS: usize = 5;
/// Fewer open files are too few for a busy worker.
const MIN_OPEN_FILES: u64 = 1024;
/// How many messages in quarantine are counted.
const MAX_COUNTED: usize = 1000;

const EXAMPLES: &str = "\
Examples:
  celeriac --broker ./data doctor
  celeriac --broker ./data --json doctor | jq '.[] | select(.verdict != \"ok\")'

The exit code is 1 if anything fails; warnings do not count.";

/// Look for what would keep tasks from running well.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), next: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, next: &'static str) -> Self {
        Self { check, verdict: Verdict::Warning, found: found.into(), next: Some(next) }
    }

    fn failure(check: &'static str, error: &dyn std::error::Error, next: &'static str) -> Self {
        let found = with_causes(error);
        Self { check, verdict: Verdict::Failure, found, next: Some(next) }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Findings(Vec<Finding>);

impl View for Findings {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        for Finding { check, verdict, found, next } in &self.0 {
            let mark = match verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warning => "warn",
                Verdict::Failure => "FAIL",
            };
            lines.push(format!("{mark}  {check:<10}  {found}"));
            lines.extend(next.map(|next| format!("                  next: {next}")));
        }
        lines.join("\n")
    }
}

pub(crate) async fn run(session: &Session) -> Result<()> {
    let mut findings = vec![open_files()];
    findings.extend(session.directory().map(|directory| disk(&directory)));
    let broker = broker(session).await;
    let opened = broker.verdict != Verdict::Failure;
    findings.push(broker);
    if opened {
        findings.push(workers(session).await);
        findings.push(queues(session).await);
        findings.push(quarantine(session).await);
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Failure);
    session.output.show(&Findings(findings))?;
    if failed { Err(Problem::failure("something has to be mended")) } else { Ok(()) }
}

fn open_files() -> Finding {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match limit {
        Some(limit) if limit < MIN_OPEN_FILES => Finding::warning(
            "files",
            format!("at most {limit} open files"),
            "raise the limit, for instance with `ulimit -n 4096`",
        ),
        Some(limit) => Finding::ok("files", format!("at most {limit} open files")),
        None => Finding::ok("files", "no limit of open files is known"),
    }
}

/// How long the disk takes to make a write durable.
fn disk(directory: &Path) -> Finding {
    match sync_time(directory) {
        Ok(time) if time > SLOW_SYNC => Finding::warning(
            "disk",
            format!("a durable write takes {time:.1?}"),
            "send in batches (`send_many`), or use a faster disk",
        ),
        Ok(time) => Finding::ok("disk", format!("a durable write takes {time:.1?}")),
        Err(error) => {
            Finding::failure("disk", &error, "make the directory one that this user may write to")
        }
    }
}

/// The median of a few writes.
fn sync_time(directory: &Path) -> std::io::Result<Duration> {
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::tempfile_in(directory)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).copied().unwrap_or_default())
}

async fn broker(session: &Session) -> Finding {
    let address = &session.app.config().broker;
    match session.app.capability().await {
        Ok(capability) if capability.durable => {
            Finding::ok("broker", format!("{address} opens and is durable"))
        }
        Ok(_) => Finding::warning(
            "broker",
            format!("{address} opens, but keeps nothing when its process ends"),
            "use a directory, such as `--broker ./data`",
        ),
        Err(error) => Finding::failure(
            "broker",
            &error,
            "if another process uses it, stop that one; else check the address and permissions",
        ),
    }
}

async fn workers(session: &Session) -> Finding {
    match session.app.inspect(Question::Ping).await {
        Ok(workers) if workers.is_empty() => Finding::warning(
            "workers",
            "none is alive, so nothing runs",
            "start one: `celeriac worker`, in a program that knows the tasks",
        ),
        Ok(workers) if workers.iter().any(|(_, answer)| answer.is_none()) => Finding::warning(
            "workers",
            format!("{} are alive, but some do not answer", workers.len()),
            "see which: `celeriac --json inspect stats`",
        ),
        Ok(workers) => Finding::ok("workers", format!("{} alive", workers.len())),
        Err(error) => Finding::failure("workers", &error, "see the log of `--log debug`"),
    }
}

async fn queues(session: &Session) -> Finding {
    match session.app.queues().await {
        Ok(queues) => {
            let ready: u64 = queues.iter().map(|queue| queue.ready).sum();
            let running: u64 = queues.iter().map(|queue| queue.in_flight).sum();
            Finding::ok("queues", format!("waiting: {ready}, in flight: {running}"))
        }
        Err(error) => Finding::failure("queues", &error, "see the log of `--log debug`"),
    }
}

async fn quarantine(session: &Session) -> Finding {
    match session.app.quarantined(&Filter::default(), MAX_COUNTED).await {
        Ok(held) if held.is_empty() => Finding::ok("quarantine", "empty"),
        Ok(held) => Finding::warning(
            "quarantine",
            format!("waiting for a person: {}", held.len()),
            "see them: `celeriac quarantine list`",
        ),
        Err(error) => Finding::failure("quarantine", &error, "see the log of `--log debug`"),
    }
}
