//! Resources: what is acquired at the same time, what may be missing, and what is
//! released when a start ends half-way.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use jumpstarter::{Context, Injector, Options, ResourceUnavailable, State, System, actor};
use tokio::sync::Barrier;

use crate::probe::Probe;

struct First;
struct Second;
struct Third(ThreadId);

/// None of its resources comes unless the others are being acquired.
struct Trio {
    meeting: Arc<Barrier>,
    sender: mpsc::Sender<()>,
}

struct Wire(Mutex<mpsc::Receiver<()>>);
struct Where;

#[actor]
impl Trio {
    #[resource(timeout = "5s")]
    async fn first(&self) -> Result<First, Infallible> {
        self.meeting.wait().await;
        Ok(First)
    }

    #[resource(timeout = "5s")]
    async fn second(&self) -> Result<Second, String> {
        self.meeting.wait().await;
        self.sender.send(()).map_err(|error| error.to_string())?;
        Ok(Second)
    }

    #[resource]
    fn third(injector: &Injector) -> Result<Third, String> {
        let wire = injector.argument::<Wire>().ok_or("no wire")?;
        let wire = wire.0.lock().map_err(|error| error.to_string())?;
        wire.recv_timeout(Duration::from_secs(20)).map_err(|error| error.to_string())?;
        Ok(Third(std::thread::current().id()))
    }

    #[handler]
    fn thread(&mut self, _m: Where, ctx: &mut Context<Self>) -> Option<ThreadId> {
        ctx.resource::<Third>().map(|third| third.0)
    }
}

#[tokio::test]
async fn independent_ones_are_acquired_at_the_same_time_and_sync_ones_on_the_pool() {
    let system = System::new("test");
    let (sender, receiver) = mpsc::channel();
    system.provide(Wire(Mutex::new(receiver)));
    let meeting = Arc::new(Barrier::new(2));
    let make = move || Trio { meeting: meeting.clone(), sender: sender.clone() };
    let trio = system.spawn("trio", Options::default(), make);
    trio.started().await.unwrap();
    let thread = trio.ask(Where).await.unwrap().unwrap();
    assert_ne!(thread, std::thread::current().id());
}

/// Its cache may be missing.
struct Shop {
    cache: fn() -> Result<First, Box<dyn std::error::Error + Send + Sync>>,
}

#[actor]
impl Shop {
    #[resource(optional)]
    async fn cache(&self) -> Result<First, Box<dyn std::error::Error + Send + Sync>> {
        (self.cache)()
    }

    #[handler]
    fn has_cache(&mut self, _m: Where, ctx: &mut Context<Self>) -> bool {
        ctx.resource::<First>().is_some()
    }
}

#[tokio::test]
async fn an_optional_one_is_skipped_when_it_is_unavailable_and_for_no_other_error() {
    let system = System::new("test");
    let open = |cache| system.spawn("shop", Options::default(), move || Shop { cache });
    assert_eq!(open(|| Ok(First)).ask(Where).await, Ok(true));
    let unavailable = open(|| Err(ResourceUnavailable::new("not in this region").into()));
    assert_eq!(unavailable.ask(Where).await, Ok(false));
    let error = open(|| Err("wrong password".into())).started().await.unwrap_err();
    let told = "start actor shop: acquire resource cache: wrong password";
    assert_eq!(error.to_string(), told);
}

/// Acquires two resources, and fails with the third, in one way or another.
struct Half {
    probe: Probe,
    panics: bool,
}

#[actor]
impl Half {
    #[resource]
    async fn first(&self) -> Result<First, Infallible> {
        Ok(First)
    }

    #[resource]
    fn second(&self) -> Result<Second, Infallible> {
        Ok(Second)
    }

    #[resource]
    fn third(&self) -> Result<Third, String> {
        assert!(!self.panics, "no third");
        Err("not a third".to_owned())
    }

    #[release(first)]
    async fn release_first(&mut self, _first: First) {
        tokio::task::yield_now().await;
        self.probe.note("first released");
    }

    #[release(second)]
    fn release_second(&mut self, _second: Second) {
        self.probe.note("second released");
    }
}

#[tokio::test]
async fn a_start_that_fails_half_way_releases_in_reverse_order() {
    for (panics, reason) in [
        (false, "acquire resource third: not a third"),
        (true, "acquire resource third: run on the blocking pool: panicked: no third"),
    ] {
        let system = System::new("test");
        let probe = Probe::default();
        let noted = probe.clone();
        let make = move || Half { probe: noted.clone(), panics };
        let half = system.spawn("half", Options::default(), make);
        let error = half.started().await.unwrap_err().to_string();
        assert_eq!(error, format!("start actor half: {reason}"));
        assert_eq!(half.lifecycle(), State::Crashed);
        assert_eq!(probe.take(), ["second released", "first released"], "{reason}");
    }
}
