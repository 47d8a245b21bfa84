//! The HTTP sink under the suite, one by one and in batches.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use celeriac_connect::sinks::Http;
use celeriac_core::{BoxFuture, ContentType, Message, MessageId, Name, Sink};
use celeriac_testkit::sink::SinkHarness;
use serde_json::Value;

use crate::server::{Answer, Request, serve};

struct Harness {
    address: SocketAddr,
    written: Arc<Mutex<Vec<MessageId>>>,
    is_down: Arc<AtomicBool>,
    batch: Option<usize>,
}

impl Harness {
    fn new(batch: Option<usize>) -> Self {
        let (written, is_down) = (Arc::<Mutex<Vec<MessageId>>>::default(), Arc::default());
        let (kept, down): (_, Arc<AtomicBool>) = (written.clone(), Arc::clone(&is_down));
        let address = serve(move |request| {
            if down.load(SeqCst) {
                return Answer::new(503, "later");
            }
            if String::from_utf8_lossy(&request.body).contains("refuse") {
                return Answer::new(422, "no such thing");
            }
            kept.lock().unwrap().extend(ids(request));
            Answer::new(201, "")
        });
        Self { address, written, is_down, batch }
    }
}

fn ids(request: &Request) -> Vec<MessageId> {
    assert!(request.line.starts_with("POST /in "), "{}", request.line);
    assert_eq!(request.headers["authorization"], "Bearer t");
    assert_eq!(request.headers["content-type"], "application/json");
    match request.headers.get("idempotency-key") {
        Some(id) => {
            assert_eq!(request.headers["celeriac-name"], "sample");
            vec![id.parse().unwrap()]
        }
        None => {
            let items: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
            items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
        }
    }
}

impl SinkHarness for Harness {
    fn sink(&self) -> Box<dyn Sink> {
        let sink = Http::new(&format!("http://{}/in", self.address)).unwrap();
        let sink = sink.header("authorization", "Bearer t").unwrap();
        match self.batch {
            None => Box::new(sink),
            Some(count) => Box::new(sink.batches(count)),
        }
    }

    fn written(&self) -> BoxFuture<'_, Vec<MessageId>> {
        let written = self.written.lock().unwrap().clone();
        Box::pin(std::future::ready(written))
    }

    fn refused(&self) -> Option<Arc<Message>> {
        Some(Message::document(Name::from_static("t"), ContentType::Json, "\"refuse\"").into())
    }

    fn break_down(&self) {
        self.is_down.store(true, SeqCst);
    }

    fn mend(&self) {
        self.is_down.store(false, SeqCst);
    }
}

mod one_by_one {
    use super::*;
    celeriac_testkit::sink_conformance!(Harness::new(None));
}

mod in_batches {
    use super::*;
    celeriac_testkit::sink_conformance!(Harness::new(Some(4)));
}
