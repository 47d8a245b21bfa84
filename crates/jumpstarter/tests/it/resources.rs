//! Resources: acquired, found, released in reverse order, whatever happens.

use std::convert::Infallible;
use std::time::Duration;

use jumpstarter::{Context, Injector, Options, State, System, actor};

use crate::probe::Probe;

struct File(Probe);
struct Lock(&'static str, Probe);
struct Cache;

impl Drop for File {
    fn drop(&mut self) {
        self.0.note("file dropped");
    }
}

struct Ledger {
    probe: Probe,
    lock_fails: bool,
}

struct Read;
struct Boom;

#[actor]
impl Ledger {
    #[resource(timeout = "5s")]
    async fn file(&self, injector: &Injector) -> Result<File, Infallible> {
        self.probe.note(format!("file for {}", injector.path()));
        Ok(File(self.probe.clone()))
    }

    #[resource]
    fn lock(&self) -> Result<Lock, String> {
        assert!(!self.lock_fails, "no lock today");
        self.probe.note("lock");
        Ok(Lock("locked", self.probe.clone()))
    }

    #[resource(timeout = "1s", optional)]
    async fn cache(&self) -> Result<Cache, Infallible> {
        std::future::pending().await
    }

    #[release(lock)]
    fn unlock(lock: Lock) {
        lock.1.note("unlocked");
    }

    #[handler]
    fn read(&mut self, _m: Read, ctx: &mut Context<Self>) -> &'static str {
        assert!(ctx.resource::<Cache>().is_none());
        assert!(ctx.resource_mut::<File>().is_some());
        ctx.resource::<Lock>().map_or("nothing", |lock| lock.0)
    }

    #[handler]
    fn boom(&mut self, _m: Boom) {
        panic!("boom");
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note("end");
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_released_in_reverse_order() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Ledger { probe: noted.clone(), lock_fails: false };
    let ledger = system.spawn("ledger", Options::default(), make);
    assert_eq!(ledger.ask(Read).await, Ok("locked"));
    ledger.stop().await;
    let expected = ["lock", "file for ledger", "end", "unlocked", "file dropped"];
    assert_eq!(probe.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_crash_releases_and_a_restart_acquires_again() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Ledger { probe: noted.clone(), lock_fails: false };
    let ledger = system.spawn("ledger", Options::default(), make);
    ledger.started().await.unwrap();
    probe.take();
    ledger.tell(Boom).await.unwrap();
    assert_eq!(ledger.ask(Read).await, Ok("locked"));
    let expected = ["unlocked", "file dropped", "lock", "file for ledger"];
    assert_eq!(probe.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_pool_fails_the_start() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Ledger { probe: noted.clone(), lock_fails: true };
    let ledger = system.spawn("ledger", Options::default(), make);
    let error = ledger.started().await.unwrap_err().to_string();
    assert!(error.starts_with("start actor ledger: acquire resource lock"), "{error}");
    assert_eq!(ledger.lifecycle(), State::Crashed);
}

struct Half {
    probe: Probe,
}

#[actor]
impl Half {
    #[resource]
    async fn good(&self) -> Result<File, Infallible> {
        Ok(File(self.probe.clone()))
    }

    #[resource(timeout = "2s")]
    async fn late(&self) -> Result<Cache, Infallible> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_acquired_is_released_when_the_start_fails_half_way() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let half = system.spawn("half", Options::default(), move || Half { probe: noted.clone() });
    let begun = tokio::time::Instant::now();
    let error = half.started().await.unwrap_err().to_string();
    assert_eq!(error, "start actor half: acquire resource late: not within 2s");
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert_eq!(probe.take(), ["file dropped"]);
}
