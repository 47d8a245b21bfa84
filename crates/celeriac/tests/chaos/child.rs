//! The children: a process with a worker, or one that sends.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use celeriac::workflow::{Canvas, Signature};
use celeriac::{Address, App, Config};
use celeriac_testkit::child::say;

use crate::arena::{SENDER, WORKER};
use crate::log;

/// Which part a child plays; absent in the parent.
pub(crate) const PART: &str = "CELERIAC_CHAOS_PART";
/// Its broker and its store, as it reaches them.
pub(crate) const BROKER: &str = "CELERIAC_CHAOS_BROKER";
pub(crate) const STORE: &str = "CELERIAC_CHAOS_STORE";
/// The folder of the logs and keys.
pub(crate) const FOLDER: &str = "CELERIAC_CHAOS_FOLDER";
/// The first number that it sends.
pub(crate) const FIRST: &str = "CELERIAC_CHAOS_FIRST";

/// How many tasks are sent at once.
const BATCH: u64 = 50;
/// One workflow for so many batches.
const BATCHES_PER_WORKFLOW: u64 = 4;
/// A sender goes on when the last of so many batches has ended.
const BATCHES_AHEAD: u64 = 10;
/// Or after this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// A sender whose batch was refused pauses for so long.
const PAUSE: Duration = Duration::from_millis(100);
/// The members of a chord.
const MEMBERS: i64 = 8;

/// Notes that it runs.
#[celeriac::task(name = "chaos.note")]
async fn note(number: u64) -> u64 {
    static RUNS: OnceLock<File> = OnceLock::new();
    let runs = RUNS.get_or_init(|| {
        let folder = std::env::var(FOLDER).unwrap_or_default();
        log::open(Path::new(&folder), &format!("runs.{}", std::process::id()))
    });
    let mut runs = runs;
    let line = format!("{number} {}\n", log::now());
    // One write: a death between two would spoil this line and the next.
    runs.write_all(line.as_bytes()).unwrap();
    number
}

#[celeriac::task(name = "chaos.sum")]
async fn sum(numbers: Vec<u64>) -> u64 {
    numbers.iter().sum()
}

#[celeriac::task(name = "chaos.next")]
async fn next(number: u64) -> u64 {
    number + 1
}

/// An app on these places. Processes are killed at random here, so that their
/// deaths say nothing about the messages.
pub(crate) fn app(broker: &str, store: Option<&str>, folder: &Path) -> App {
    let mut config = Config {
        broker: Address::from(broker),
        store: store.map(Address::from),
        ..Config::default()
    };
    config.worker.max_deaths = u32::MAX;
    config.security.folder = folder.join("keys").display().to_string();
    App::from_config(config).unwrap().register(note).register(sum).register(next)
}

/// The child's entry; without its part it is a test that has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(part) = std::env::var(PART) else { return };
    // What it complains about is shown with CELERIAC_TEST_CHILDREN set.
    let level = tracing::level_filters::LevelFilter::WARN;
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let store = std::env::var(STORE).ok();
    let app = app(&std::env::var(BROKER).unwrap(), store.as_deref(), &folder);
    match part.as_str() {
        WORKER => work(&app).await,
        SENDER => send(&app, &folder).await,
        other => panic!("there is no part {other}"),
    }
}

/// Runs what comes, without end.
async fn work(app: &App) {
    let mut pause = tokio::time::interval(PAUSE);
    let _worker = loop {
        match app.start_worker().await {
            Ok(worker) => break worker,
            Err(error) => tracing::warn!(%error, "no worker"),
        }
        pause.tick().await;
    };
    say("started");
    std::future::pending::<()>().await;
}

/// Sends without end, and notes what was accepted.
async fn send(app: &App, folder: &Path) {
    let mut number: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let (mut tasks, mut workflows) = (log::open(folder, "tasks"), log::open(folder, "workflows"));
    let mut pause = tokio::time::interval(PAUSE);
    for batch in 1.. {
        let numbers = number..number + BATCH;
        number += BATCH;
        match app.send_many(numbers.clone().map(note::s)).await {
            Ok(sent) => {
                let ids = sent.iter().map(celeriac::AsyncResult::id);
                log::note(&mut tasks, &Vec::from_iter(numbers.zip(ids)));
                say(&format!("tasks {BATCH}"));
                if batch % BATCHES_AHEAD == 0 {
                    // In a storm it may not end in time: others will look at it.
                    let _ = sent[0].get_timeout(PATIENCE).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "not sent");
                pause.tick().await;
            }
        }
        if batch % BATCHES_PER_WORKFLOW != 0 {
            continue;
        }
        let (canvas, result) = workflow(batch / BATCHES_PER_WORKFLOW);
        if let Ok(id) = app.start(canvas).await {
            log::note(&mut workflows, &[(result, id)]);
            say("workflows 1");
        }
    }
}

/// A chord with a step after its body, and what it comes to.
fn workflow(number: u64) -> (Canvas, u64) {
    let plain = |task: &'static str| Signature::new(task);
    let first = i64::try_from(number).unwrap();
    let members =
        (first..first + MEMBERS).map(|member| plain("chaos.next").argument(member).into());
    let group = Canvas::group(members.collect());
    let steps = vec![group, plain("chaos.sum").into(), plain("chaos.next").into()];
    let sum: i64 = (first..first + MEMBERS).map(|member| member + 1).sum();
    (Canvas::chain(steps), u64::try_from(sum).unwrap() + 1)
}
