//! Killed between a folder, its tasks and a sink: every file becomes one
//! document, every document one task, every result a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use celeriac::sinks::Jsonl;
use celeriac::sources::Folder;
use celeriac::{App, MessageId};
use celeriac_testkit::probe::eventually;
use serde_json::Value;

use celeriac_testkit::child::say;

use crate::child::{self, app};

/// How often the child is killed. After each kill the source's lease must end.
const ROUNDS: usize = 2;
/// At most how many words of the child are heard before it is killed.
const WORDS: u64 = 40;

#[celeriac::task(name = "read_file", sinks = ["lines"])]
async fn read_file(text: String) -> String {
    text
}

fn reading(dir: &Path) -> App {
    let (every, settle) = (Duration::from_millis(1), Duration::from_millis(10));
    app(dir, u32::MAX)
        .register(read_file)
        .source("inbox", Folder::new(dir.join("inbox")).every(every).settle(settle))
        .subscribe_to("inbox", read_file::from_document(|text: String| (text,)))
        .sink("lines", Jsonl::new(dir.join("lines.jsonl")))
}

/// The child's part: writes files without end, while they are read.
pub(crate) async fn read_a_folder(dir: &Path) {
    let app = reading(dir);
    let before = lines(dir).len();
    let _worker = app.start_worker().await.unwrap();
    for number in 0_u64.. {
        let name = format!("{}-{number}.txt", std::process::id());
        // Beside the folder, then moved in: whole or not there.
        let part = dir.join("part");
        fs::write(&part, &name).unwrap();
        fs::rename(&part, dir.join("inbox").join(&name)).unwrap();
        if number == 0 {
            eventually("the first line", || async { lines(dir).len() > before }).await;
        }
        say("written");
    }
}

/// Each whole line: the task's id and its value.
fn lines(dir: &Path) -> Vec<(MessageId, String)> {
    let text = fs::read_to_string(dir.join("lines.jsonl")).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("id").parse().unwrap(), text("value"))
    };
    whole.lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_becomes_one_task_and_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join("inbox")).unwrap();
    for _ in 0..ROUNDS {
        let mut child = child::start("read a folder", dir);
        for _ in 0..=MessageId::new().hash_bits() % WORDS {
            assert!(child.word().is_some(), "the child died by itself");
        }
        child.kill();
    }

    let files = || fs::read_dir(dir.join("inbox")).unwrap().count();
    let app = reading(dir);
    let worker = app.start_worker().await.unwrap();
    let written = || BTreeMap::from_iter(lines(dir).into_iter().map(|(id, text)| (text, id)));
    eventually("a line for each file", || async { written().len() >= files() }).await;
    worker.stop().await;
    assert!(app.queues().await.unwrap().is_empty());
    app.shutdown().await;
    let (all, by_file) = (lines(dir), written());
    assert_eq!(by_file.len(), files());
    let other = all.iter().find(|(id, text)| by_file[text] != *id);
    assert_eq!(other, None, "one task for each file, also where its line is there twice");
    println!("{} files, {} lines in {ROUNDS} rounds", files(), all.len());
}
