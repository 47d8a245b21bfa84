//! Random canvases, killed in the middle: each that was acknowledged comes to
//! what the interpreter says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac::workflow::{Canvas, Policy, Start, StepId};
use celeriac::{App, HeaderValue, MessageId, Name, QueueName, ResultError, Timestamp};
use celeriac_testkit::canvas::{Interpreter, Palette};
use celeriac_testkit::child::say;

use crate::child::{self, app};
use crate::expected::compare;
use crate::kill::{acked, rounds};
use crate::tasks::{Witness, register};

/// At most how many words of the child are heard before it is killed.
const WORDS: u64 = 12;
/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Groups that fail fast end differently each time, so they are left out, and
/// with them what `replace` puts in its own place.
const PALETTE: Palette = Palette {
    policies: &[Policy::WaitAll, Policy::Settle],
    tasks: &[
        "mix",
        "mix",
        "odd",
        "fail",
        "list",
        "lists",
        "map",
        "null",
        "replace_broken",
        "broken",
        "flaky",
        "hopeless",
        "late",
        "revoked",
    ],
    countdowns: false,
};

/// An app on a directory that has the tasks of random canvases.
fn canvas_app(dir: &Path) -> App {
    register(app(dir, u32::MAX)).provide(Arc::new(Witness::default()))
}

/// The child: starts canvases without end and runs them; notes each
/// acknowledged id with the seed of its canvas.
pub(crate) async fn run_canvases(dir: &Path) {
    let app = canvas_app(dir);
    let _worker = app.start_worker().await.unwrap();
    say("started");
    loop {
        let seed = child::rand_number();
        let id = MessageId::new();
        let (name, queue) = (Name::from_static("random"), QueueName::DEFAULT);
        let expires_at = Timestamp::NEVER;
        let start = Start { id, name, version: 0, queue, expires_at };
        app.start_as(start, &PALETTE.deep(u64::from(seed))).await.unwrap();
        child::note_acked(dir, u64::from(seed), id);
        say("sent");
        if seed.is_multiple_of(3) {
            // Well or not: it has ended.
            let _ = app.result::<HeaderValue>(id).await.unwrap().get().await;
            say("done");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_canvas_comes_to_what_it_means() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..rounds() {
        let mut child = child::start("run canvases", dir.path());
        let heard = MessageId::new().hash_bits() % WORDS;
        for _ in 0..=heard {
            assert!(child.word().is_some(), "the child died by itself");
        }
        child.kill();
    }

    let app = canvas_app(dir.path());
    let worker = app.start_worker().await.unwrap();
    let acked = acked(dir.path());
    for (id, seed) in &acked {
        let result = app.result::<HeaderValue>(*id).await.unwrap();
        if let Err(ResultError::Timeout { .. }) = result.get_timeout(PATIENCE).await {
            panic!("the canvas of seed {seed} does not end");
        }
        let wrong = wrong(&app, *id, &PALETTE.deep(*seed)).await;
        assert!(wrong.is_none(), "the canvas of seed {seed}: {}", wrong.unwrap_or_default());
    }
    println!("{} canvases in {} rounds", acked.len(), rounds());
    worker.stop().await;
    app.shutdown().await;
}

/// What is wrong with a workflow that has ended, if anything is.
async fn wrong(app: &App, id: MessageId, canvas: &Canvas) -> Option<String> {
    let (_, store) = app.drivers().await.unwrap();
    let expected = Interpreter::new(BTreeMap::new(), false).canvas(canvas, None, &[]);
    let record = app.workflow(id).await.unwrap().unwrap();
    if let Some(wrong) = compare(&*store, &record, &expected).await {
        return Some(wrong);
    }
    // Callbacks run after the end, so only the way to the result is looked at.
    let root = app.workflow_steps(id, StepId(0), 1).await.unwrap();
    let is_over = root.iter().all(|status| status.is_terminal());
    (!is_over).then(|| format!("it has ended, but its first step is {root:?}"))
}
