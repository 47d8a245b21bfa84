//! Dependencies: order of start and stop, the ways to find them, cycles.

use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{
    Address, BoxError, Context, Dependency, Inject, Injector, Options, StartFailure, State, System,
    actor,
};
use tokio::sync::Notify;

use crate::probe::Probe;

struct Store {
    gate: Arc<Notify>,
    probe: Probe,
}

#[actor]
impl Store {
    #[started]
    async fn begin(&mut self) {
        self.gate.notified().await;
        self.probe.note("store started");
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note("store stopped");
    }
}

struct Client {
    store: Address<Store>,
    probe: Probe,
}

struct Same;

#[actor]
impl Client {
    #[depends_on]
    fn store(&self) -> Dependency<Store> {
        self.store.clone().into()
    }

    #[handler]
    fn same(&mut self, _m: Same, ctx: &mut Context<Self>) -> bool {
        ctx.dependency::<Store>().as_ref() == Some(&self.store)
    }

    #[started]
    fn begin(&mut self) {
        self.probe.note("client started");
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note("client stopped");
    }
}

#[tokio::test]
async fn they_start_before_and_stop_after() {
    let system = System::new("test");
    let (gate, probe) = (Arc::new(Notify::new()), Probe::default());
    let (opens, noted) = (Arc::clone(&gate), probe.clone());
    let store = system.spawn("store", Options::default(), move || Store {
        gate: Arc::clone(&opens),
        probe: noted.clone(),
    });
    let (needed, noted) = (store.clone(), probe.clone());
    let client = system.spawn("client", Options::default(), move || Client {
        store: needed.clone(),
        probe: noted.clone(),
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.lifecycle(), State::Starting);
    let configuration = client.state();
    let text = "starting; depends on store: starting.tasks_started";
    assert_eq!(configuration.to_string(), text);
    assert!(!configuration.is_started() && configuration.is_in("starting"));
    let json = serde_json::to_value(&configuration).unwrap();
    assert_eq!(json["dependencies"][0][1], "starting.tasks_started");
    assert_eq!((&json["lifecycle"], &json["restart"]), (&"starting".into(), &"ignore".into()));
    gate.notify_one();
    assert_eq!(client.ask(Same).await, Ok(true));
    let report = system.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.stopped, ["client", "store"]);
    let expected = ["store started", "client started", "client stopped", "store stopped"];
    assert_eq!(probe.take(), expected);
}

struct Named;

#[actor]
impl Named {
    #[depends_on]
    fn store(&self) -> Dependency<Store> {
        Dependency::named("shop")
    }
}

#[tokio::test(start_paused = true)]
async fn missing_and_wrong_ones_are_named() {
    let system = System::new("test");
    let first = system.spawn("first", Options::default(), || Named);
    let error = first.started().await.unwrap_err().to_string();
    let missing = "start actor first: dependency it::dependencies::Store is missing at shop: \
                   not spawned within 5s";
    assert_eq!(error, missing);
    let _shop = system.spawn("shop", Options::default(), || Egg);
    let second = system.spawn("second", Options::default(), || Named);
    let crash = second.started().await.unwrap_err().crash.unwrap();
    let failure = crash.error.downcast_ref::<StartFailure>();
    let Some(StartFailure::WrongType { wanted, found, .. }) = failure else { panic!("{crash}") };
    assert_eq!(*wanted, "it::dependencies::Store");
    assert_eq!(*found, "it::dependencies::Egg");
}

struct Egg;
struct Hen;

#[actor]
impl Egg {}

#[actor]
impl Hen {
    #[depends_on]
    fn rooster(&self) -> Dependency<Rooster> {
        Dependency::by_type()
    }
}

struct Rooster;

#[actor]
impl Rooster {
    #[depends_on]
    fn hen(&self) -> Dependency<Hen> {
        Dependency::by_type()
    }
}

impl Inject for Hen {
    fn inject(_injector: &Injector) -> Result<Self, BoxError> {
        Ok(Hen)
    }
}

impl Inject for Rooster {
    fn inject(_injector: &Injector) -> Result<Self, BoxError> {
        Ok(Rooster)
    }
}

struct Farm;

#[actor]
impl Farm {
    #[depends_on]
    fn hen(&self) -> Dependency<Hen> {
        Dependency::by_type()
    }
}

#[tokio::test]
async fn a_cycle_is_an_error_that_names_it() {
    let system = System::new("test");
    let farm = system.spawn("farm", Options::default(), || Farm);
    let error = farm.started().await.unwrap_err().to_string();
    assert!(error.contains("dependencies form a cycle: "), "{error}");
    assert!(error.contains("Hen > "), "{error}");
    assert!(error.contains("Rooster > "), "{error}");
}

struct Yard;

#[actor]
impl Yard {
    #[depends_on]
    fn egg(&self) -> Dependency<Egg> {
        Dependency::spawn("egg", Options::default(), || Egg)
    }

    #[depends_on]
    fn seed(&self) -> Dependency<Seed> {
        Dependency::by_type()
    }
}

struct Seed {
    kind: Arc<String>,
}

struct Kind;

#[actor]
impl Seed {
    #[handler]
    fn kind(&mut self, _m: Kind) -> String {
        self.kind.to_string()
    }
}

impl Inject for Seed {
    fn inject(injector: &Injector) -> Result<Self, BoxError> {
        let kind = injector.argument::<String>().ok_or("no kind of seed")?;
        Ok(Seed { kind })
    }
}

#[tokio::test]
async fn own_and_injected_ones_are_made() {
    let system = System::new("test");
    system.provide("wheat".to_owned());
    let yard = system.spawn("yard", Options::default(), || Yard);
    yard.started().await.unwrap();
    let egg = system.find::<Egg>("yard/egg").unwrap();
    let seed = system.find::<Seed>("Seed").unwrap();
    assert_eq!(seed.ask(Kind).await, Ok("wheat".to_owned()));
    yard.stop().await;
    assert_eq!(egg.lifecycle(), State::Stopped);
    assert_eq!(seed.lifecycle(), State::Healthy);
}

#[tokio::test]
async fn options_can_name_them_at_run_time() {
    let system = System::new("test");
    let first = system.spawn("first", Options::default(), || Egg);
    let options = Options::default().depends_on(&first);
    let second = system.spawn("second", options, || Egg);
    second.started().await.unwrap();
    assert_eq!(system.snapshot()[1].dependencies, ["first"]);
    let report = system.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.stopped, ["second", "first"]);
}
