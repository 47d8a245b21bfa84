//! The testing kit: schedules by seed, virtual time, probes.

#![expect(clippy::unwrap_used, reason = "these functions are parts of tests")]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jumpstarter::testing::{self, Probe};
use jumpstarter::{
    BlockingError, Context, Flow, Options, Recipient, Spawned, System, TaskContext, actor,
};
use tokio::time::Instant;

/// Does a bit of everything that a schedule decides about.
struct Busybody {
    name: &'static str,
    out: Recipient<String>,
}

struct Work(u32);

impl Busybody {
    fn say(&self, what: &str) {
        let _ = self.out.try_tell(format!("{} {what}", self.name));
    }
}

#[actor]
impl Busybody {
    #[resource]
    fn number(&self) -> Result<u32, String> {
        self.say("on the pool");
        Ok(7)
    }

    #[task(every = "20ms", jitter = "10ms")]
    async fn tick(&mut self) -> Flow {
        self.say("tick");
        Flow::Continue
    }

    #[task(concurrent, every = "30ms", jitter = "10ms")]
    async fn beside(ctx: TaskContext<Self>) -> Result<(), String> {
        ctx.address().tell(Work(99)).await.map_err(|error| error.to_string())
    }

    #[handler]
    async fn work(&mut self, m: Work, ctx: &mut Context<Self>) {
        self.say(&format!("begins {}", m.0));
        if m.0 == 2 {
            ctx.report_error("two is too much");
        }
        tokio::task::yield_now().await;
        let out = self.out.clone();
        let said = format!("{} spawned {}", self.name, m.0);
        ctx.spawn(async move { drop(out.try_tell(said)) });
        self.say(&format!("ends {}", m.0));
    }
}

/// What happened, and when, to the last letter.
fn trace(seed: u64) -> Vec<String> {
    testing::run(seed, async |system| {
        let begun = Instant::now();
        let mut events = system.events();
        let mut probe = Probe::spawn(&system, "probe");
        for name in ["one", "two", "three"] {
            let out = probe.recipient();
            let options = match name {
                "three" => Options::default().dedicated_thread(),
                _ => Options::default(),
            };
            let make = move || Busybody { name, out: out.clone() };
            let address = system.spawn(name, options, make);
            for n in 0..4 {
                address.tell(Work(n)).await.unwrap();
            }
        }
        testing::advance(Duration::from_millis(100)).await;
        let mut trace = probe.received().await;
        system.shutdown(Duration::from_secs(1)).await;
        trace.extend(std::iter::from_fn(|| events.try_next()).map(|event| format!("{event:?}")));
        trace.push(format!("{:?}", begun.elapsed()));
        trace
    })
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in testing::seeds(10) {
        let first = trace(seed);
        assert!(first.len() > 80, "{first:?}");
        assert_eq!(first, trace(seed), "seed {seed}");
    }
}

#[test]
fn other_seeds_give_other_interleavings() {
    let traces: HashSet<Vec<String>> = (0..20).map(trace).collect();
    assert_eq!(traces.len(), 20);
    // Not by the jitter of timers alone: who comes first differs, too.
    let first: HashSet<String> = traces.iter().map(|trace| trace[0].clone()).collect();
    assert_eq!(first.len(), 3);
}

struct Account {
    balance: u64,
}

struct Read;
struct Write(u64);

#[actor]
impl Account {
    #[handler]
    fn read(&mut self, _m: Read) -> u64 {
        self.balance
    }

    #[handler]
    fn write(&mut self, m: Write) {
        self.balance = m.0;
    }
}

/// Reads, then writes: a customer who comes in between is overwritten.
async fn two_customers(system: System) {
    let account = system.spawn("account", Options::default(), || Account { balance: 0 });
    let pay_in = async || {
        let balance = account.ask(Read).await.unwrap();
        account.tell(Write(balance + 1)).await.unwrap();
    };
    let other = account.clone();
    let helper = system.spawn("helper", Options::default(), move || Helper(other.clone()));
    let helped = helper.ask(PayIn);
    tokio::join!(pay_in(), async { helped.await.unwrap() });
    assert_eq!(account.ask(Read).await, Ok(2), "a payment was lost");
}

struct Helper(jumpstarter::Address<Account>);
struct PayIn;

#[actor]
impl Helper {
    #[handler]
    async fn pay_in(&mut self, _m: PayIn) {
        let balance = self.0.ask(Read).await.unwrap();
        self.0.tell(Write(balance + 1)).await.unwrap();
    }
}

fn message_of(payload: Box<dyn std::any::Any + Send>) -> String {
    payload.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_race_is_found_named_and_comes_again() {
    let failed = catch_unwind(|| testing::for_seeds(100, two_customers)).unwrap_err();
    let message = message_of(failed);
    assert!(message.contains("a payment was lost"), "{message}");
    let (_, after) = message.split_once("with seed ").unwrap();
    let seed: u64 = after.split(':').next().unwrap().parse().unwrap();
    assert!(message.contains(&format!("JUMPSTARTER_SEED={seed} cargo test ")), "{message}");
    let again = catch_unwind(|| testing::run(seed, two_customers)).unwrap_err();
    assert!(message_of(again).contains("a payment was lost"));
    // It is a race: with some other seed it goes well.
    assert!((0..100).any(|seed| catch_unwind(|| testing::run(seed, two_customers)).is_ok()));
}

#[test]
fn a_hang_is_an_error_and_what_is_left_is_dropped() {
    let (alive, mut gone) = tokio::sync::mpsc::channel::<()>(1);
    let hangs = AssertUnwindSafe(|| {
        testing::run(3, async |system| {
            let account = system.spawn("account", Options::default(), move || {
                let _ = &alive;
                Account { balance: 0 }
            });
            account.started().await.unwrap();
            std::future::pending::<()>().await;
        });
    });
    let message = message_of(catch_unwind(hangs).unwrap_err());
    assert!(message.starts_with("the test hangs"), "{message}");
    assert!(gone.blocking_recv().is_none());
}

struct Parent;
struct SpawnThese;

#[actor]
impl Parent {
    #[handler]
    fn spawn_these(&mut self, _m: SpawnThese, ctx: &Context<Self>) -> [Spawned; 2] {
        let soon = ctx.spawn(async { tokio::time::sleep(Duration::from_secs(1)).await });
        let never = ctx.spawn(std::future::pending());
        [soon, never]
    }
}

#[test]
fn spawned_futures_and_closures_are_joined_and_aborted() {
    testing::for_seeds(10, async |system| {
        let parent = system.spawn("parent", Options::default(), || Parent);
        let [soon, never] = parent.ask(SpawnThese).await.unwrap();
        assert!(!soon.is_finished() && !never.is_finished());
        soon.join().await;
        never.abort();
        while !never.is_finished() {
            tokio::task::yield_now().await;
        }
        never.join().await;
        assert_eq!(system.blocking(|| 7).await.unwrap(), 7);
        let Err(BlockingError::Panicked(panicked)) = system.blocking(|| panic!("no")).await else {
            panic!("no panic")
        };
        assert_eq!(panicked.message, "no");
        let other = System::new("other");
        let parent = other.spawn("parent", Options::default(), || Parent);
        parent.started().await.unwrap();
        assert!(other.shutdown(Duration::from_secs(1)).await.is_clean());
    });
}

#[test]
fn a_probe_says_what_it_missed_and_where() {
    let within = Duration::from_secs(2);
    let failed = catch_unwind(|| {
        testing::run(0, async |system| {
            let mut probe = Probe::<u32>::spawn(&system, "probe");
            probe.expect_nothing(within).await;
            probe.expect_next(within).await;
        });
    });
    let message = message_of(failed.unwrap_err());
    assert!(message.contains("seeded.rs:"), "{message}");
    assert!(message.ends_with("probe probe got nothing within 2s"), "{message}");
    let failed = catch_unwind(|| {
        testing::run(0, async |system| {
            let mut probe = Probe::spawn(&system, "probe");
            probe.recipient().tell(7).await.unwrap();
            probe.expect_nothing(within).await;
        });
    });
    let message = message_of(failed.unwrap_err());
    assert!(message.ends_with("probe probe got 7 instead of nothing"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_works_in_a_tokio_test() {
    let system = System::new("test");
    let mut probe = Probe::spawn(&system, "probe");
    probe.address().ask("first").await.unwrap();
    for message in ["second", "third"] {
        probe.recipient().try_tell(message).unwrap();
    }
    assert_eq!(probe.expect_next(Duration::ZERO).await, "first");
    assert_eq!(probe.received().await, ["second", "third"]);
    probe.expect_nothing(Duration::from_secs(3600)).await;
    assert!(system.shutdown(Duration::from_secs(1)).await.is_clean());
    assert!(probe.received().await.is_empty());
}
