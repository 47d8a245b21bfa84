//! `celeriac bench`: measures the whole path, from a typed send over broker,
//! router and worker to the stored outcome and the settled message.

mod backlog;
mod canvas;
mod channel;
mod kept;
mod ledger;
mod load;
mod meter;
mod process;
mod report;
mod server;
mod task;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use celeriac::{Address, App, Config, MessageId, config};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::TempDir;

use crate::arguments::Globals;
use crate::interruptible;
use crate::output::{Output, Reader};
use crate::problem::{Problem, Result};
use backlog::{CALLERS, Plan};
use canvas::Composition;
use ledger::Ledger;
use load::Load;
use meter::per_10k;
use report::{Backlog, Report, rounded};
use server::Servers;

/// How many tasks are sent one by one, to find the latency.
const SAMPLES: usize = 1000;
const FEW_SAMPLES: usize = 200;
/// The most that waits at once: queues have limits.
const MAX_BACKLOG: usize = 200_000;
/// How often small workflows are measured, and how wide and long they are.
const ROUNDS: usize = 9;
const FEW_ROUNDS: usize = 3;
/// With fewer tasks than this somebody wants to know soon.
const MANY: usize = 10_000;
const CHORD: usize = 1000;
const CHAIN: usize = 200;
/// What can be asked for.
const MAX_TASKS: u64 = 100_000_000;
const MAX_PAYLOAD: u64 = 1_000_000;
const MAX_SENDERS: u64 = 256;
/// How long a server keeps what a run left.
const RESULT_TTL: Duration = Duration::from_secs(600);
/// How long the worker may take to stop.
const GRACE: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  celeriac bench                                     in memory
  celeriac bench --broker file                       durable, in a temporary directory
  celeriac bench --broker file --dir /mnt/disk       durable, on the disk to be measured
  celeriac bench --broker redis://localhost          on a server
  celeriac bench --broker amqp://localhost --store redis://localhost
  celeriac bench --tasks 1000000 --payload 1000 --json
  celeriac bench --canvas chord --tasks 100000       a workflow, until its result is there

It sends its own task `celeriac.bench` through a broker and a worker of its own, checks
that each ran once and has a stored outcome, and compares with a bare channel:
latency        one by one, nothing else going on: from `send` until the task begins
throughput     senders and worker at the same time, until the last message is settled
sent …         nobody works meanwhile: accepted in batches, and from 64 callers one by one
drained        that backlog: taken, run, outcome stored, settled
chord, chain   from `send` until the result is there; the median of nine, or of three with
               less than 10,000 tasks
The CPU time of servers is told if they run on this machine.

The exit code is 1 if a task was lost. What the run left is removed, but for outcomes of
workflows' tasks, which expire within ten minutes; so is what a killed run left, by the
next. Only one bench at a time can be at work under one address (on a server `?prefix=`,
or `?schema=`, makes several of one).";

/// Measure throughput, latency, memory and CPU time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Send the tasks as one workflow.
    #[arg(long, value_enum, value_name = "KIND")]
    canvas: Option<Composition>,
    /// How many tasks. Default: 200000 in memory and on servers, 50000 durable;
    /// 10000 in a chain, 100000 in a group or chord.
    #[arg(long, value_name = "N", value_parser = count(1, MAX_TASKS))]
    tasks: Option<u64>,
    /// The size of a task's payload. Default: 100; 0 in a workflow.
    #[arg(long, value_name = "BYTES", value_parser = count(0, MAX_PAYLOAD))]
    payload: Option<u64>,
    /// How many senders at once.
    #[arg(long, value_name = "N", default_value = "4", value_parser = count(1, MAX_SENDERS))]
    concurrency: u64,
    /// The directory for `--broker file`. Default: a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn count(least: u64, most: u64) -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(least..=most)
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

/// What every part of a measurement works with.
struct Bench {
    app: App,
    ledger: Arc<Ledger>,
    servers: Servers,
    output: Output,
}

/// Which tasks of the ledger are for what.
struct Ranges {
    steady: Range<usize>,
    samples: Range<usize>,
    backlog: Plan,
    chords: Range<usize>,
    chains: Range<usize>,
    end: usize,
}

impl Ranges {
    fn of(tasks: usize) -> Self {
        let mut end = 0;
        let mut next = |count: usize| {
            let begin = end;
            end += count;
            begin..end
        };
        let (samples, rounds) =
            if tasks < MANY { (FEW_SAMPLES, FEW_ROUNDS) } else { (SAMPLES, ROUNDS) };
        let (steady, samples) = (next(tasks), next(samples));
        let bulk = next(tasks.min(MAX_BACKLOG));
        let one_by_one = next(tasks.min(MAX_BACKLOG).div_ceil(2));
        let (chords, chains) = (next(rounds * CHORD), next(rounds * CHAIN));
        let backlog = Plan { bulk, one_by_one };
        Self { steady, samples, backlog, chords, chains, end }
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
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let tasks = args.canvas.map_or(place.tasks(), Composition::tasks);
    let tasks = args.tasks.map_or(tasks, size);
    let payload = args.payload.map_or(if args.canvas.is_some() { 0 } else { 100 }, size);
    let load = Load { tasks, payload, senders: size(args.concurrency) };
    let bench = prepare(&load, config, output)?;
    let measuring = async {
        kept::clear(&bench.app).await?;
        measure(&load, args.canvas, &bench).await
    };
    // Whatever ends it early, its tasks are nobody else's work.
    let measured = interruptible(measuring).await;
    let cleared = kept::clear(&bench.app).await;
    bench.app.shutdown().await;
    let mut report = measured?;
    cleared?;
    // Last, so that its memory is not in the peak.
    report.channel_throughput = rounded(channel::best_throughput(tasks, payload).await, 1);
    output.show(&report)?;
    if report.lost == 0 {
        return Ok(());
    }
    let hint = match bench.ledger.strays() {
        0 => "this is a bug: please report it, with the log of `--log debug`",
        _ => {
            "another bench is at work at the same address: give each its own `?prefix=` or `?schema=`"
        }
    };
    Err(Problem::failure(format!("{} tasks were lost", report.lost)).hint(hint))
}

fn prepare(load: &Load, config: Config, output: &Output) -> Result<Bench> {
    let servers =
        Servers::find([Some(&config.broker), config.store.as_ref()].into_iter().flatten());
    // An id's last eight bytes are random.
    let id = MessageId::new();
    let run = id.as_bytes()[8..].iter().fold(0, |run: u64, byte| run << 8 | u64::from(*byte));
    let ledger = Arc::new(Ledger::new(run, Ranges::of(load.tasks).end, load.window()));
    let app = App::from_config(config)?
        .register(task::bench)
        .register(task::body)
        .provide(ledger.clone());
    Ok(Bench { app, ledger, servers, output: *output })
}

async fn measure(load: &Load, canvas: Option<Composition>, bench: &Bench) -> Result<Report> {
    let ranges = Ranges::of(load.tasks);
    let worker = bench.app.start_worker().await?;
    let latency = load.latency(bench, ranges.samples).await?;
    let idle = process::memory();
    let found = match canvas {
        Some(composition) => composition.run(load, bench, ranges.steady).await?,
        None => load.throughput(bench, ranges.steady).await?,
    };
    let (peak, cost) = (process::peak_memory(), found.cost);
    let (mut chord_1000_ms, mut chain_200_ms) = (None, None);
    if canvas.is_none() {
        let small = Load { tasks: 0, payload: 0, senders: 1 };
        let chord = Composition::Chord.median(&small, bench, ranges.chords, CHORD).await?;
        let chain = Composition::Chain.median(&small, bench, ranges.chains, CHAIN).await?;
        (chord_1000_ms, chain_200_ms) = (Some(chord), Some(chain));
    }
    worker.stop_within(GRACE).await;
    let (backlog, lost) = match canvas {
        Some(_) => (None, 0),
        None => backlog_of(load, bench, &ranges.backlog).await?,
    };
    let (seconds, tasks) = (cost.elapsed.as_secs_f64(), load.tasks as f64);
    let megabytes = |bytes: u64| rounded(bytes as f64 / f64::from(1 << 20), 1);
    Ok(Report {
        broker: bench.app.config().broker.to_string(),
        canvas: canvas.map(Composition::as_str),
        payload_bytes: load.payload,
        tasks: load.tasks,
        completed: found.completed,
        lost: load.tasks - found.completed + lost,
        duplicates: bench.ledger.duplicates(),
        throughput: rounded(tasks / seconds, 1),
        latency_p50_us: latency.p50_us,
        latency_p99_us: latency.p99_us,
        overhead_us_per_task: rounded(seconds / tasks * 1e6, 3),
        peak_rss_mb: peak.map(megabytes),
        rss_above_idle_mb: peak.zip(idle).map(|(peak, idle)| megabytes(peak.saturating_sub(idle))),
        cpu_s_per_10k: cost.cpu.map(|cpu| per_10k(cpu, load.tasks)),
        server_cpu_s_per_10k: cost.server_cpu.map(|cpu| per_10k(cpu, load.tasks)),
        backlog,
        chord_1000_ms,
        chain_200_ms,
        channel_throughput: 0.0,
    })
}

/// What a backlog shows, and how many of its tasks were lost.
async fn backlog_of(load: &Load, bench: &Bench, plan: &Plan) -> Result<(Option<Backlog>, usize)> {
    let found = plan.run(load, bench).await?;
    let tasks = plan.tasks();
    let backlog = Backlog {
        tasks,
        bulk_per_s: found.bulk.per_second(plan.bulk.len()),
        callers: CALLERS,
        callers_per_s: found.one_by_one.per_second(plan.one_by_one.len()),
        drained_per_s: found.drained.per_second(tasks),
        cpu_s_per_10k: found.drained.cpu.map(|cpu| per_10k(cpu, tasks)),
        server_cpu_s_per_10k: found.drained.server_cpu.map(|cpu| per_10k(cpu, tasks)),
    };
    Ok((Some(backlog), tasks - found.completed))
}

impl Bench {
    /// A bar for a person who watches.
    fn progress(&self, tasks: usize) -> ProgressBar {
        let target = match self.output.reader() {
            // Draws nothing unless stderr is a terminal.
            Reader::Person => ProgressDrawTarget::stderr_with_hz(10),
            Reader::Program => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(tasks as u64), target);
        match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} tasks, {per_sec}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}
