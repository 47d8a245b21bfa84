//! The JSONL sink under the suite.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use celeriac_connect::sinks::Jsonl;
use celeriac_core::{BoxFuture, ContentType, Message, MessageId, Name, Sink};
use celeriac_testkit::sink::SinkHarness;

struct Harness {
    directory: tempfile::TempDir,
}

impl Harness {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("out.jsonl")
    }
}

impl SinkHarness for Harness {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(Jsonl::new(self.path()))
    }

    fn written(&self) -> BoxFuture<'_, Vec<MessageId>> {
        Box::pin(async {
            let text = fs::read_to_string(self.path()).unwrap_or_default();
            let id = |line: &str| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["id"].as_str().unwrap().parse().unwrap()
            };
            text.lines().map(id).collect()
        })
    }

    fn refused(&self) -> Option<Arc<Message>> {
        Some(Message::document(Name::from_static("t"), ContentType::Json, "no JSON").into())
    }

    fn break_down(&self) {
        fs::rename(self.path(), self.directory.path().join("aside")).unwrap();
        fs::create_dir(self.path()).unwrap();
    }

    fn mend(&self) {
        fs::remove_dir(self.path()).unwrap();
        fs::rename(self.directory.path().join("aside"), self.path()).unwrap();
    }
}

celeriac_testkit::sink_conformance!(Harness::new());
