//! Sinks and sources of an app.

mod declared;
pub mod sinks;
pub mod sources;

use std::sync::Arc;

use celeriac_core::{Sink, Source};
use celeriac_router::{SinkOf, SourceOf};
use parking_lot::Mutex;

use crate::app::App;

pub use declared::EdgesError;

impl App {
    /// Declares a sink, for workers started later: values of tasks that name it
    /// (`sinks = ["…"]` on the attribute, or on a call) are written to it.
    ///
    /// What a task gives is stored for each of its sinks before the task is done.
    /// A sink that is down is given it later, in order; nothing else waits for
    /// it. A document that is given twice bears the same id, the task's. Of
    /// several workers that declare the sink, each writes what it takes.
    ///
    /// One of the same name is replaced; the name `store` is taken.
    ///
    /// ```
    /// use celeriac::{App, sinks::Jsonl};
    ///
    /// #[celeriac::task(sinks = ["archive"])]
    /// async fn add(a: i64, b: i64) -> i64 { a + b }
    ///
    /// let app = App::memory().register(add).sink("archive", Jsonl::new("./sums.jsonl"));
    /// ```
    #[must_use]
    pub fn sink<S: Sink + Clone>(self, name: impl Into<String>, sink: S) -> Self {
        let sink = Mutex::new(sink);
        let make = move || Box::new(sink.lock().clone()) as Box<dyn Sink>;
        let sink = SinkOf { name: name.into(), make: Arc::new(make) };
        self.registered(|registry| {
            registry.sinks.retain(|other| other.name != sink.name);
            registry.sinks.push(sink);
        })
    }

    /// Declares a source, for workers started later: what it finds becomes
    /// documents of its name, to which tasks [subscribe](Self::subscribe_to).
    /// One of the same name is replaced.
    ///
    /// How far it is stands in the store under its name: a worker started later
    /// goes on there. Of several workers that declare it, one at a time runs it,
    /// unless its kind says otherwise.
    ///
    /// ```
    /// use celeriac::{App, sources::Folder};
    ///
    /// #[celeriac::task]
    /// async fn import(text: String) {}
    ///
    /// let app = App::memory()
    ///     .register(import)
    ///     .source("inbox", Folder::new("./inbox"))
    ///     .subscribe_to("inbox", import::from_document(|text: String| (text,)));
    /// ```
    #[must_use]
    pub fn source<S: Source + Clone>(self, name: impl Into<String>, source: S) -> Self {
        let source = Mutex::new(source);
        let make = move || Box::new(source.lock().clone()) as Box<dyn Source>;
        let source = SourceOf { name: name.into(), make: Arc::new(make) };
        self.registered(|registry| {
            registry.sources.retain(|other| other.name != source.name);
            registry.sources.push(source);
        })
    }
}
