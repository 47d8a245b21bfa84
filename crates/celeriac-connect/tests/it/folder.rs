//! The watched folder: the suite, and what becomes of files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use celeriac_connect::sources::Folder;
use celeriac_core::source::Document;
use celeriac_core::{BoxFuture, ContentType, Source};
use celeriac_testkit::probe::{poll_once, within};
use celeriac_testkit::source::SourceHarness;
use serde_json::Value;

/// What a file system's clock tells apart, and more.
const SETTLE: Duration = Duration::from_millis(20);

fn folder(path: &Path) -> Folder {
    Folder::new(path).every(Duration::from_millis(1)).settle(SETTLE)
}

struct Harness(tempfile::TempDir);

impl SourceHarness for Harness {
    fn source(&self) -> Box<dyn Source> {
        Box::new(folder(self.0.path()))
    }

    fn put(&self, number: u64) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            fs::write(self.0.path().join(format!("{number:05}.json")), number.to_string()).unwrap();
        })
    }

    fn number(&self, document: &Document) -> u64 {
        assert_eq!(document.content_type, ContentType::Json);
        serde_json::from_slice(&document.body).unwrap()
    }
}

mod conformance {
    use super::*;
    celeriac_testkit::source_conformance!(Harness(tempfile::tempdir().unwrap()));
}

async fn all(source: &mut Folder, count: usize) -> Vec<Document> {
    let (mut documents, mut cursor) = (Vec::new(), None);
    while documents.len() < count {
        let polled = within("files", source.poll(cursor.as_ref(), 100)).await.unwrap();
        documents.extend(polled.documents);
        cursor = polled.cursor;
    }
    assert!(poll_once(&mut source.poll(cursor.as_ref(), 100)).is_pending(), "that was all");
    documents
}

#[tokio::test]
async fn files_of_every_kind_are_told_and_hidden_ones_are_not() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("below")).unwrap();
    fs::write(at("a.txt"), "text").unwrap();
    fs::write(at("below/b"), b"\xff").unwrap();
    fs::write(at("large.json"), "123456789").unwrap();
    fs::write(at(".hidden"), "").unwrap();
    std::os::unix::fs::symlink(at("a.txt"), at("link")).unwrap();
    let mut documents = all(&mut folder(place.path()).recursive().max_bytes(8), 3).await;
    documents.sort_by(|left, right| left.body.cmp(&right.body));
    assert_eq!(documents[0].body, "text");
    assert_eq!(documents[0].headers["path"].as_str(), Some("a.txt"));
    let facts: Value = serde_json::from_slice(&documents[1].body).unwrap();
    assert_eq!(facts["path"], at("large.json").to_str().unwrap());
    assert_eq!(facts["bytes"], 9);
    assert_eq!(
        (&documents[2].body[..], &documents[2].content_type),
        (&[0xff][..], &ContentType::Raw)
    );
    let flat = all(&mut folder(place.path()).paths(), 2).await;
    assert!(flat.iter().all(|document| document.content_type == ContentType::Json));
}

#[tokio::test]
async fn a_file_that_is_moved_in_is_found_whatever_its_age() {
    let (place, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(aside.path().join("old"), "old").unwrap();
    fs::write(place.path().join("new"), "new").unwrap();
    let mut source = folder(place.path());
    let first = within("a file", source.poll(None, 9)).await.unwrap();
    assert_eq!(first.documents[0].body, "new");
    // Both below the machine's temporary directory: a rename, which keeps its time.
    fs::rename(aside.path().join("old"), place.path().join("old")).unwrap();
    let second = within("a file", source.poll(first.cursor.as_ref(), 9)).await.unwrap();
    assert_eq!(second.documents[0].body, "old");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_and_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("later");
    let mut source = folder(&path);
    let error = source.poll(None, 9).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("later"), "{error}");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a"), "a").unwrap();
    assert_eq!(all(&mut source, 1).await[0].body, "a");
}
