//! The span of each actor.

use std::sync::Arc;

use jumpstarter::{Options, System, actor};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as Layered, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// Notes new spans, and in which span each event happened.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Layered<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(format!("{}{}", span.name(), fields.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Layered<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = ctx.event_span(event);
        let inside = span.and_then(|span| span.extensions().get::<String>().cloned());
        self.0.lock().push(format!("{} |{}", inside.unwrap_or_default(), fields.0));
    }
}

struct Talker;
struct Say(&'static str);

#[actor]
impl Talker {
    #[handler]
    async fn say(&mut self, m: Say) {
        tracing::info!("{}", m.0);
        tokio::task::yield_now().await;
        tracing::info!("{} again", m.0);
    }

    #[stopped]
    fn end(&mut self) {
        tracing::info!("bye");
    }
}

#[tokio::test]
async fn what_an_actor_does_is_inside_of_its_span() {
    let notes = Notes::default();
    // For this thread, which is the only one of the runtime.
    let _default = tracing::subscriber::set_default(Registry::default().with(notes.clone()));
    let system = System::new("test");
    let first = system.spawn("first", Options::default(), || Talker);
    let second = system.spawn("second", Options::default(), || Talker);
    tokio::join!(async { first.ask(Say("one")).await.unwrap() }, async {
        second.ask(Say("two")).await.unwrap();
    });
    tracing::info!("outside");
    first.stop().await;
    let told = |text: &str| {
        let notes = notes.0.lock();
        let ends = format!("message={text}");
        notes.iter().find(|note| note.ends_with(&ends)).cloned().unwrap_or_default()
    };
    let span = |path| format!("actor path={path} type=\"it::spans::Talker\"");
    for (path, said) in [("first", "one"), ("second", "two")] {
        assert_eq!(told(said), format!("{} | message={said}", span(path)));
        let again = format!("{said} again");
        assert_eq!(told(&again), format!("{} | message={again}", span(path)));
    }
    assert_eq!(told("bye"), format!("{} | message=bye", span("first")));
    assert_eq!(told("outside"), " | message=outside");
}
