//! The child: a process with a worker on a directory, which says what it does.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use celeriac::workflow::{Canvas, Signature};
use celeriac::{App, Config, MessageId, RetryPolicy};
use celeriac_testkit::child::{Child, say};

/// Names the child's part; absent in the parent.
const PART: &str = "CELERIAC_CRASH_PART";
/// Names the child's directory.
const DIR: &str = "CELERIAC_CRASH_DIR";
/// How many tasks a sender sends at once.
const BATCH: u64 = 25;

/// Notes that it ran, by one short append, which is whole or not there.
#[celeriac::task(name = "record", retry(max = 3, backoff = "1ms..5ms"))]
pub(crate) async fn record(number: u64, log: String) -> Result<u64, std::io::Error> {
    let mut log = OpenOptions::new().create(true).append(true).open(log)?;
    // One write: a death between two would spoil this line and the next.
    log.write_all(format!("{number}\n").as_bytes())?;
    Ok(number)
}

/// The body of a chord: adds up, and notes how many numbers there were.
#[celeriac::task(name = "add_up")]
pub(crate) async fn add_up(numbers: Vec<i64>, log: String) -> Result<i64, std::io::Error> {
    let mut log = OpenOptions::new().create(true).append(true).open(log)?;
    log.write_all(format!("body {}\n", numbers.first().unwrap_or(&0)).as_bytes())?;
    Ok(numbers.iter().sum())
}

/// Kills its process.
#[celeriac::task]
pub(crate) async fn kill_process() {
    std::process::abort();
}

/// An app on a directory. Where the parent kills at random, deaths say nothing
/// about the message: `max_deaths` says how many make a culprit.
pub(crate) fn app(dir: &Path, max_deaths: u32) -> App {
    let mut config =
        Config { broker: dir.join("data").display().to_string().into(), ..Config::default() };
    config.worker.max_deaths = max_deaths;
    // Tasks fail on purpose here, and must not wait for a circuit.
    config.breakers.tasks = false;
    App::from_config(config).unwrap().register(record).register(add_up).register(kill_process)
}

/// Runs this binary again in the given part.
pub(crate) fn start(part: &str, dir: &Path) -> Child {
    Child::spawn("child::child", [(PART, part), (DIR, dir.to_str().unwrap())])
}

/// The child's entry; without its part it is a test that has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(part), Ok(dir)) = (std::env::var(PART), std::env::var(DIR)) else { return };
    let dir = Path::new(&dir);
    match part.as_str() {
        "send and run" => send_and_run(dir).await,
        "run chords" => run_chords(dir).await,
        "run canvases" => crate::canvases::run_canvases(dir).await,
        "read a folder" => crate::edges::read_a_folder(dir).await,
        "run until done" => run_until_done(dir).await,
        "send" => send_once(dir).await,
        other => panic!("there is no part {other}"),
    }
}

/// Where acknowledged ids are noted, a line each; read by `kill::acked`.
fn acked_log(dir: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(dir.join("acked.log")).unwrap()
}

/// Notes an acknowledged id with its number.
pub(crate) fn note_acked(dir: &Path, number: u64, id: MessageId) {
    acked_log(dir).write_all(format!("{number} {id}\n").as_bytes()).unwrap();
}

/// Sends without end and runs what is sent; notes each acknowledged id.
async fn send_and_run(dir: &Path) {
    let app = app(dir, u32::MAX);
    let _worker = app.start_worker().await.unwrap();
    say("started");
    let mut acked = acked_log(dir);
    let ran = dir.join("ran.log").display().to_string();
    loop {
        let first: u32 = rand_number();
        let calls = (0..BATCH).map(|n| {
            let number = (u64::from(first) << 16) + n;
            let call = record::s(number, ran.clone());
            if n % 5 == 0 { call.countdown(Duration::from_millis(3)) } else { call }
        });
        let sent = app.send_many(calls).await.unwrap();
        let mut lines = String::new();
        for (n, result) in (0..BATCH).zip(&sent) {
            let number = (u64::from(first) << 16) + n;
            lines.push_str(&format!("{number} {}\n", result.id()));
        }
        acked.write_all(lines.as_bytes()).unwrap();
        say("sent");
        if first.is_multiple_of(4) {
            // A retry is another write that a death may interrupt.
            let call = record::s(0, "/nonexistent/log".to_owned());
            app.send(call.retry(RetryPolicy::immediate(2))).await.unwrap();
            sent.last().unwrap().get().await.unwrap();
            say("done");
        }
    }
}

/// The members of a chord.
pub(crate) const MEMBERS: i64 = 300;

/// A chord whose members note that they ran, and whose body does.
fn chord(number: i64, log: &str) -> Canvas {
    let record = |number: i64| Signature::new("record").argument(number).argument(log);
    let members = (0..MEMBERS).map(|n| record(number * 1000 + n).into()).collect();
    let body = Signature::new("add_up").argument(log);
    Canvas::chain(vec![Canvas::group(members), body.into()])
}

/// Starts chords without end and runs them; notes each acknowledged id.
async fn run_chords(dir: &Path) {
    let app = app(dir, u32::MAX);
    let _worker = app.start_worker().await.unwrap();
    say("started");
    let mut acked = acked_log(dir);
    let ran = dir.join("ran.log").display().to_string();
    loop {
        let number = i64::from(rand_number());
        let id = app.start(chord(number, &ran)).await.unwrap();
        acked.write_all(format!("{number} {id}\n").as_bytes()).unwrap();
        say("sent");
        if number % 3 == 0 {
            app.result::<i64>(id).await.unwrap().get().await.unwrap();
            say("done");
        }
    }
}

/// Runs what is in the directory until nothing is left, then says so.
async fn run_until_done(dir: &Path) {
    let app = app(dir, 3);
    let worker = app.start_worker().await.unwrap();
    say("started");
    loop {
        let left: u64 = app.queues().await.unwrap().iter().map(|q| q.ready + q.in_flight).sum();
        if left == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    app.shutdown().await;
    say("finished");
}

/// Sends one task into a directory that another process owns; says its id.
async fn send_once(dir: &Path) {
    let app = app(dir, 3);
    let ran = dir.join("ran.log").display().to_string();
    let result = app.send(record::s(7, ran)).await.unwrap();
    say(&result.id().to_string());
    let value = result.get_timeout(Duration::from_secs(30)).await.unwrap();
    say(&value.to_string());
}

pub(crate) fn rand_number() -> u32 {
    // Ids end in random bits.
    u32::try_from(MessageId::new().hash_bits() >> 32).unwrap()
}
