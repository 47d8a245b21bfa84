//! The polled endpoint: the suite over pages, and contents as a whole.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use celeriac_connect::sources::Endpoint;
use celeriac_core::source::Document;
use celeriac_core::{BoxFuture, ErrorKind, Source};
use celeriac_testkit::probe::within;
use celeriac_testkit::source::SourceHarness;
use serde_json::{Value, json};

use crate::server::{Answer, Request, serve};

const EVERY: Duration = Duration::from_millis(1);

/// Items in pages of three, and where the next page begins.
struct Harness {
    address: String,
    items: Arc<Mutex<Vec<u64>>>,
}

impl Harness {
    fn new() -> Self {
        let items = Arc::<Mutex<Vec<u64>>>::default();
        let served = items.clone();
        let address = serve(move |request: &Request| {
            let items = served.lock().unwrap();
            let query = request.line.split(' ').nth(1).unwrap().split_once("?v=1&after=p%2F");
            let begin = query.map_or(0, |(_, text)| text.parse::<usize>().unwrap());
            let page: Vec<Value> =
                items.iter().skip(begin).take(3).map(|number| json!({ "n": number })).collect();
            let next = format!("p/{}", begin + page.len());
            Answer::new(200, json!({"data": {"items": page}, "next": next}).to_string())
        });
        Self { address: format!("http://{address}/?v=1"), items }
    }
}

impl SourceHarness for Harness {
    fn source(&self) -> Box<dyn Source> {
        let source = Endpoint::new(&self.address).unwrap().every(EVERY);
        Box::new(source.pages("/data/items", "/next", "after"))
    }

    fn put(&self, number: u64) -> BoxFuture<'_, ()> {
        self.items.lock().unwrap().push(number);
        Box::pin(std::future::ready(()))
    }

    fn number(&self, document: &Document) -> u64 {
        serde_json::from_slice::<Value>(&document.body).unwrap()["n"].as_u64().unwrap()
    }
}

mod conformance {
    use super::*;
    celeriac_testkit::source_conformance!(Harness::new());
}

#[tokio::test]
async fn each_new_content_is_a_document_and_the_same_is_not_fetched_again() {
    let content = Arc::new(Mutex::new("one"));
    let (served, asked) = (content.clone(), Arc::<Mutex<Vec<u16>>>::default());
    let statuses = asked.clone();
    let address = serve(move |request| {
        let content = *served.lock().unwrap();
        let etag = format!("\"{content}\"");
        let status = if request.headers.get("if-none-match") == Some(&etag) { 304 } else { 200 };
        statuses.lock().unwrap().push(status);
        let headers =
            vec![("etag", etag), ("content-type", "text/plain; charset=utf-8".to_owned())];
        Answer { status, headers, body: content.to_owned() }
    });
    let mut source = Endpoint::new(&format!("http://{address}/")).unwrap().every(EVERY);
    let first = within("a content", source.poll(None, 9)).await.unwrap();
    assert_eq!(first.documents[0].body, "one");
    assert_eq!(first.documents[0].content_type.as_str(), "text/plain");
    let cursor = first.cursor.unwrap();
    {
        let mut waiting = source.poll(Some(&cursor), 9);
        while !asked.lock().unwrap().contains(&304) {
            let waited = tokio::time::timeout(EVERY, &mut waiting).await;
            assert!(waited.is_err(), "nothing is new");
        }
    }
    *content.lock().unwrap() = "two";
    let second = within("a content", source.poll(Some(&cursor), 9)).await.unwrap();
    assert_eq!(second.documents[0].body, "two");
    assert_ne!(second.documents[0].id, first.documents[0].id);
    *content.lock().unwrap() = "one";
    let third = within("a content", source.poll(second.cursor.as_ref(), 9)).await.unwrap();
    assert_ne!(third.documents[0].id, first.documents[0].id, "it is news again");
}

#[tokio::test]
async fn what_an_endpoint_says_wrong_is_told() {
    let wrong = serve(|_| Answer::new(200, "[]"));
    let mut source = Endpoint::new(&format!("http://{wrong}/")).unwrap().pages("/x", "/n", "a");
    let error = within("an error", source.poll(None, 9)).await.unwrap_err();
    assert!(error.to_string().contains("no list at /x"), "{error}");
    let closed = serve(|_| Answer::new(401, "who are you?"));
    let mut source = Endpoint::new(&format!("http://{closed}/")).unwrap();
    let error = within("an error", source.poll(None, 9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("who are you?"), "{error}");
}
