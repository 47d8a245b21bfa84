//! `celeriac bench`: measures the whole path, from a typed send over broker,
//! router and worker to the stored outcome and the settled message.

mod canvas;
mod channel;
mod ledger;
mod load;
mod process;
mod report;
mod task;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use celeriac::{Address, App, Config, config};
use tempfile::TempDir;

use crate::arguments::Globals;
use crate::output::Output;
use crate::problem::{Problem, Result};
use canvas::Composition;
use ledger::Ledger;
use load::{Found, Load};
use report::{Report, rounded};

/// How many tasks are sent one by one, to find the latency.
const SAMPLES: usize = 1000;
/// How long a server keeps what a run left.
const RESULT_TTL: Duration = Duration::from_secs(600);
/// How long the worker may take to stop.
const GRACE: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  celeriac bench                                     in memory
  celeriac bench --broker file                       durable, in a temporary directory
  celeriac bench --broker file --dir /mnt/disk       durable, on the disk to be measured
  celeriac bench --broker redis://localhost          on a server; the run leaves results there
                                                     that expire within ten minutes
  celeriac bench --tasks 1000000 --payload 1000 --json
  celeriac bench --canvas chord --tasks 100000       a workflow, until its result is there

It sends its own task `celeriac.bench` through a broker and a worker of its own, checks
that each ran once and has a stored outcome, and compares with a bare channel. The exit
code is 1 if a task was lost.";

/// Measure throughput, latency, memory and CPU time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Send the tasks as one workflow.
    #[arg(long, value_enum, value_name = "KIND")]
    canvas: Option<Composition>,
    /// How many tasks. Default: 200000 in memory and on servers, 50000 durable;
    /// 10000 in a chain, 100000 in a group or chord.
    #[arg(long, value_name = "N")]
    tasks: Option<NonZeroUsize>,
    /// The size of a task's payload. Default: 100; 0 in a workflow.
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,
    /// How many senders at once.
    #[arg(long, value_name = "N", default_value = "4")]
    concurrency: NonZeroUsize,
    /// The directory for `--broker file`. Default: a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Where the measured broker keeps its messages.
enum Place {
    Memory,
    Directory(PathBuf),
    /// A directory that is removed afterwards.
    Temporary(TempDir),
    Server(Address),
}

impl Place {
    fn find(args: &BenchArgs, broker: Option<&Address>) -> Result<Self> {
        match (broker.map(Address::expose), &args.dir) {
            (None | Some("memory" | "memory://"), None) => Ok(Self::Memory),
            (None | Some("file" | "file://"), Some(dir)) => Ok(Self::Directory(dir.clone())),
            (Some("file" | "file://"), None) => {
                let dir = TempDir::new().map_err(|error| {
                    let message = format!("failed to make a temporary directory: {error}");
                    Problem::failure(message).hint("name a directory with --dir")
                })?;
                Ok(Self::Temporary(dir))
            }
            (Some(other), None) if other.contains("://") => Ok(Self::Server(Address::from(other))),
            (Some(other), _) => {
                let shown = Address::from(other);
                Err(Problem::usage(format!("`{shown}` can't be measured")).hint(
                    "give --broker memory, --broker file and perhaps --dir, or a server's URL",
                ))
            }
        }
    }

    const fn tasks(&self) -> usize {
        match self {
            Self::Memory | Self::Server(_) => 200_000,
            Self::Directory(_) | Self::Temporary(_) => 50_000,
        }
    }

    fn address(&self) -> Address {
        match self {
            Self::Memory => Address::from("memory://"),
            Self::Directory(dir) => format!("file://{}", dir.display()).into(),
            Self::Temporary(dir) => format!("file://{}", dir.path().display()).into(),
            Self::Server(address) => address.clone(),
        }
    }
}

pub(crate) async fn run(args: &BenchArgs, globals: &Globals, output: &Output) -> Result<()> {
    let place = Place::find(args, globals.broker.as_ref())?;
    // On a server others may be at work: this worker takes no task of theirs.
    let config = Config {
        broker: place.address(),
        store: globals.store.clone(),
        worker: config::Worker { queues: vec![task::QUEUE.to_owned()], ..Default::default() },
        tasks: config::Tasks { result_ttl: RESULT_TTL, ..Default::default() },
        ..Config::default()
    };
    let tasks = args.canvas.map_or(place.tasks(), Composition::tasks);
    let tasks = args.tasks.map_or(tasks, NonZeroUsize::get);
    let payload = args.payload.unwrap_or(if args.canvas.is_some() { 0 } else { 100 });
    let load = Load { tasks, payload, senders: args.concurrency.get() };
    let mut report = measure(&load, args.canvas, config, output).await?;
    // Last, so that its memory is not in the peak.
    report.channel_throughput = rounded(channel::best_throughput(tasks, payload).await, 1);
    output.show(&report)?;
    if report.lost == 0 {
        return Ok(());
    }
    Err(Problem::failure(format!("{} of {tasks} tasks were lost", report.lost))
        .hint("this is a bug: please report it, with the log of `--log debug`"))
}

async fn measure(
    load: &Load,
    canvas: Option<Composition>,
    config: Config,
    output: &Output,
) -> Result<Report> {
    let ledger = Arc::new(Ledger::new(load.tasks + SAMPLES, load.window()));
    let app = App::from_config(config)?
        .register(task::bench)
        .register(task::body)
        .provide(ledger.clone());
    let worker = app.start_worker().await?;
    let latency = load.latency(&app, &ledger, SAMPLES).await?;
    let idle = process::memory();
    let Found { completed, elapsed, cpu } = match canvas {
        Some(composition) => composition.run(load, &app, &ledger).await?,
        None => load.throughput(&app, &ledger, output).await?,
    };
    let peak = process::peak_memory();
    worker.stop_within(GRACE).await;
    app.shutdown().await;
    let (seconds, tasks) = (elapsed.as_secs_f64(), load.tasks as f64);
    let per_10k = |cpu: Duration| rounded(cpu.as_secs_f64() / tasks * 10_000.0, 4);
    let megabytes = |bytes: u64| rounded(bytes as f64 / f64::from(1 << 20), 1);
    Ok(Report {
        broker: app.config().broker.to_string(),
        canvas: canvas.map(Composition::as_str),
        payload_bytes: load.payload,
        tasks: load.tasks,
        completed,
        lost: load.tasks - completed,
        duplicates: ledger.duplicates(),
        throughput: rounded(tasks / seconds, 1),
        latency_p50_us: latency.p50_us,
        latency_p99_us: latency.p99_us,
        overhead_us_per_task: rounded(seconds / tasks * 1e6, 3),
        peak_rss_mb: peak.map(megabytes),
        rss_above_idle_mb: peak.zip(idle).map(|(peak, idle)| megabytes(peak.saturating_sub(idle))),
        cpu_s_per_10k: cpu.map(per_10k),
        channel_throughput: 0.0,
    })
}
