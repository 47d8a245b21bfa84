//! Documents, sinks and sources: each document runs its subscribers once, each
//! sink gets its copy.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use celeriac::canvas::{chord, group};
use celeriac::sources::{Folder, Interval};
use celeriac::{App, EdgesError, Filter, MessageId, RawSignature, State};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Error, ErrorKind, Message, Sink};
use celeriac_testkit::probe::eventually;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fixture::{Counter, app, empty, get};

type Heard = Arc<Mutex<Vec<String>>>;

#[celeriac::task(sinks = ["a", "b"])]
async fn double(n: u64) -> u64 {
    2 * n
}

#[celeriac::task]
async fn sum(numbers: Vec<u64>) -> u64 {
    numbers.iter().sum()
}

#[celeriac::task(ignore_result, sinks = ["a"])]
async fn unkept(text: String) -> String {
    text
}

#[celeriac::task]
async fn hear(text: String, heard: State<Heard>) {
    heard.lock().push(text);
}

#[celeriac::task]
async fn count(counter: State<Counter>) {
    counter.add();
}

/// Keeps what it is given, unless it is down.
#[derive(Clone, Default)]
struct Kept {
    documents: Arc<Mutex<Vec<(MessageId, String)>>>,
    is_down: Arc<AtomicBool>,
}

impl Kept {
    fn values(&self) -> Vec<String> {
        self.documents.lock().iter().map(|(_, value)| value.clone()).collect()
    }
}

impl Sink for Kept {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.is_down.load(SeqCst) {
                return Err(Error::new(ErrorKind::Unreachable, "write", "the test says so"));
            }
            let said = |it: &Arc<Message>| (it.id, String::from_utf8_lossy(&it.body).into_owned());
            self.documents.lock().extend(batch.iter().map(said));
            Ok(())
        })
    }
}

#[tokio::test]
async fn each_sink_gets_its_copy_under_the_task_s_id() {
    let (a, b) = (Kept::default(), Kept::default());
    b.is_down.store(true, SeqCst);
    let app = app().register(double).sink("a", a.clone()).sink("b", b.clone());
    let worker = app.start_worker().await.unwrap();
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(app.send(double::s(n)).await.unwrap());
        assert_eq!(get(&sent[n as usize]).await, 2 * n, "a sink that is down holds up no task");
    }
    let expected: Vec<_> = (0..5).map(|n| (sent[n].id(), (2 * n).to_string())).collect();
    eventually("the copies of one", || async { *a.documents.lock() == expected }).await;
    assert!(b.values().is_empty());
    b.is_down.store(false, SeqCst);
    eventually("the copies of the other", || async { b.documents.lock().len() == 5 }).await;
    assert_eq!(*b.documents.lock(), expected, "in order");
    worker.stop().await;
    assert!(app.queues().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_says_where_its_value_goes() {
    let (a, b) = (Kept::default(), Kept::default());
    let app = app()
        .register(double)
        .register(unkept)
        .register(sum)
        .sink("a", a.clone())
        .sink("b", b.clone());
    let worker = app.start_worker().await.unwrap();
    for (n, sinks) in [(1, vec!["b"]), (2, vec!["store"]), (3, vec!["store", "a"])] {
        get(&app.send(double::s(n).sinks(sinks)).await.unwrap()).await;
    }
    let raw = RawSignature {
        name: <double as celeriac::Task>::NAME.to_owned(),
        args: vec![json!(4)],
        sinks: vec!["b".to_owned()],
        ..RawSignature::default()
    };
    assert_eq!(get(&app.send_raw(raw).await.unwrap()).await, 8, "also by name");
    let ended = app.send(unkept::s("x".to_owned())).await.unwrap();
    crate::fixture::end(&ended).await;
    // In workflows, too: of the members by their attribute, of the body by the call.
    let members = group([double::s(10), double::s(20)]);
    let workflow = app.send(members.then(sum::p().sinks(["b"]))).await.unwrap();
    assert_eq!(workflow.get().await.unwrap(), 60);
    let workflow = app.send(chord([double::s(30).sinks(["store"])], sum::p())).await.unwrap();
    assert_eq!(workflow.get().await.unwrap(), 60);
    worker.stop().await;
    let sorted = |kept: &Kept| {
        let mut values = kept.values();
        values.sort();
        values
    };
    assert_eq!(sorted(&a), ["\"x\"", "20", "40", "6"]);
    assert_eq!(sorted(&b), ["2", "20", "40", "60", "8"]);
}

#[tokio::test]
async fn a_document_runs_each_subscriber_once_however_often_it_comes() {
    let (heard, counter) = (Heard::default(), Counter::default());
    let app = app()
        .register(hear)
        .register(count)
        .provide(heard.clone())
        .provide(counter.clone())
        .subscribe_to("notes", hear::from_document(|note: Value| (note["text"].to_string(),)))
        .subscribe_to("notes", count::from_document(|_: Value| ()));
    let _worker = app.start_worker().await.unwrap();
    let id = MessageId::new();
    for _ in 0..3 {
        app.ingest_as(id, "notes", &json!({"text": 1})).await.unwrap();
        empty(&app).await;
    }
    app.ingest("notes", &json!({"text": 2})).await.unwrap();
    app.ingest("others", &json!({"text": 3})).await.unwrap();
    empty(&app).await;
    assert_eq!((heard.lock().clone(), counter.get()), (vec!["1".to_owned(), "2".to_owned()], 2));
}

#[tokio::test]
async fn a_folder_is_read_once_also_by_later_workers() {
    let (place, heard) = (tempfile::tempdir().unwrap(), Heard::default());
    let settle = Duration::from_millis(20);
    let folder = Folder::new(place.path()).every(Duration::from_millis(1)).settle(settle);
    let app = app()
        .register(hear)
        .provide(heard.clone())
        .source("inbox", folder)
        .subscribe_to("inbox", hear::from_document(|text: String| (text,)));
    for round in ["first", "second"] {
        let worker = app.start_worker().await.unwrap();
        fs::write(place.path().join(round), round).unwrap();
        eventually(round, || async { heard.lock().last().is_some_and(|last| last == round) }).await;
        worker.stop().await;
    }
    empty(&app).await;
    assert_eq!(*heard.lock(), ["first", "second"]);
}

#[tokio::test]
async fn a_function_gives_documents_every_so_often() {
    let heard = Heard::default();
    let ticks = Interval::new(Duration::from_millis(5), |turn| async move {
        Ok::<_, std::io::Error>(vec![turn.as_millis().to_string()])
    });
    let app = app()
        .register(hear)
        .provide(heard.clone())
        .source("ticks", ticks)
        .subscribe_to("ticks", hear::from_document(|text: String| (text,)));
    let worker = app.start_worker().await.unwrap();
    eventually("three turns", || async { heard.lock().len() >= 3 }).await;
    worker.stop().await;
    let mut turns = heard.lock().clone();
    let count = turns.len();
    turns.sort();
    turns.dedup();
    assert_eq!(turns.len(), count, "each turn once");
}

#[tokio::test]
async fn sinks_and_sources_are_declared_in_a_file_too() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("inbox")).unwrap();
    fs::write(at("inbox/note.txt"), "hello").unwrap();
    let text = format!(
        "[sinks.a]\nkind = 'jsonl'\npath = {:?}\n\
         [sources.inbox]\nkind = 'folder'\npath = {:?}\nevery = '1ms'\nsettle = '20ms'\n\
         [sources.hook]\nkind = 'webhook'\nlisten = '127.0.0.1:0'\n",
        at("out.jsonl"),
        at("inbox"),
    );
    fs::write(at("edges.toml"), text).unwrap();
    let app = app().register(unkept).load_edges(at("edges.toml")).unwrap();
    let app = app.subscribe_to("inbox", unkept::from_document(|text: String| (text,)));
    let worker = app.start_worker().await.unwrap();
    let written = || fs::read_to_string(at("out.jsonl")).unwrap_or_default();
    eventually("the line", || async { written().ends_with('\n') }).await;
    assert!(written().contains("\"value\":\"hello\""), "{}", written());
    let actors = app.system().await.unwrap().snapshot();
    for name in ["sink.a", "source.inbox", "source.hook"] {
        assert!(actors.iter().any(|actor| actor.path.ends_with(name)), "{name}");
    }
    worker.stop().await;
    assert!(app.quarantined(&Filter::default(), 1).await.unwrap().is_empty());
}

#[test]
fn mistakes_in_a_file_are_told_with_their_place() {
    let place = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let file = place.path().join("edges.toml");
        fs::write(&file, text).unwrap();
        App::memory().load_edges(file).unwrap_err().to_string()
    };
    for (text, expected) in [
        ("[sinks.a]\nkind = 'jsonk'\npath = 'x'", "unknown variant, expected"),
        ("[sources.a]\nkind = 'folder'\npath = 'x'\nevery = 'soon'", "expected a duration such as"),
        ("[sources.a]\nkind = 'folder'\npath = 'x'\nevery = 5", "invalid type: integer, expected"),
        ("[sources.a]\nkind = 'folder'\npath = 'x'\nevry = '1s'", "unknown field `evry`"),
        ("[sinks.a]\nkind = 'http'\nurl = 'example.org'", "`a`: failed to read an HTTP address"),
    ] {
        let error = load(text);
        assert!(error.contains(expected) && error.contains("edges.toml"), "{error}");
    }
    assert!(load("[sinks.a]\nkind = 'jsonk'\npath = 'x'").contains("at line "));
    let missing = App::memory().load_edges(place.path().join("none"));
    assert!(matches!(missing, Err(EdgesError::File { .. })));
}

/// Those of the drivers, too; and no password is shown, wherever the mistake is.
#[cfg(all(feature = "nats", feature = "postgres", feature = "redis"))]
#[test]
fn mistakes_about_servers_are_told_without_their_passwords() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("edges.toml");
    let load = |text: &str| {
        fs::write(&file, text).unwrap();
        App::memory().load_edges(&file).map(drop)
    };
    let postgres = "kind = 'postgres'\nurl = 'postgres://ann:hunter2@db/shop'\n";
    let redis = "kind = 'redis'\nurl = 'redis://ann:hunter2@cache/0'\n";
    let nats = "kind = 'nats'\nurl = 'nats://hunter2@cluster'\n";
    for (text, expected) in [
        (format!("[sinks.a]\n{nats}subject = 'a.>'"), "`a`: failed to write to a subject"),
        (format!("[sinks.a]\n{postgres}table = 'a.b.c'"), "`a`: failed to write to a table"),
        (format!("[sinks.a]\n{postgres}tabel = 'results'"), "unknown field `tabel`"),
        (format!("[sinks.a]\n{redis}stream = ''"), "`a`: failed to write to a stream"),
        (format!("[sinks.a]\n{redis}stream = 'a'\nremember = 'long'"), "expected a duration"),
        (format!("[sources.a]\n{postgres}column = 'n'"), "name either a `table` or a `query`"),
        ("[sinks.a]\nkind = 'redis'\nulr = 'redis://:hunter2@cache'".to_owned(), "field `ulr`"),
        ("[sinks.a]\nurl = 'redis://:hunter2@cache'".to_owned(), "missing field `kind`"),
        ("[sinks.a]\nurl = 'redis://:hunter2@cache' x".to_owned(), "at line 2, column 32"),
        // The value itself stands where another one should.
        (
            "[sinks]\nwarehouse = 'postgres://ann:hunter2@db/shop'".to_owned(),
            "invalid type: string, expected internally tagged enum Sink at line 2, column 13",
        ),
        (
            "sinks = '''\n`\", expected hunter2'''".to_owned(),
            "invalid type: string, expected a map at line 1, column 9",
        ),
        (
            "[sinks.a]\nkind = 'http'\nurl = 'http://a'\nheaders = 'Bearer hunter2'".to_owned(),
            "invalid type: string, expected a map",
        ),
        (
            format!("[sinks.a]\n{redis}stream = 'a'\nmax_len = 'hunter2'"),
            "invalid type: string, expected u64",
        ),
        (
            format!("[sinks.a]\n{redis}stream = 'a'\nremember = 'redis://:hunter2@cache'"),
            "invalid value: string, expected a duration such as \"250ms\" or \"30s\"",
        ),
        (
            "[sources.a]\nkind = 'redis://:hunter2@cache'".to_owned(),
            "unknown variant, expected one of `folder`, ",
        ),
    ] {
        let error = load(&text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let right = format!(
        "[sinks.a]\n{postgres}table = 'results'\n[sinks.b]\n{redis}stream = 'results'\n\
         max_len = 1000\nremember = '10m'\n[sinks.d]\n{nats}subject = 'a.b'\n[sources.c]\n{postgres}query = 'SELECT 1 AS n'\n\
         column = 'n'\nevery = '100ms'\n"
    );
    load(&right).unwrap();
}
