//! The end of a system: deadline, those that do not stop, newcomers.

use std::time::Duration;

use jumpstarter::{Context, Options, RestartPolicy, System, actor};

struct Sleeper;
struct Sleep;
struct Spawn;
struct GiveUp;

#[actor]
impl Sleeper {
    #[handler]
    async fn sleep(&mut self, _m: Sleep) {
        std::future::pending::<()>().await;
    }

    #[handler]
    fn give_up(&mut self, _m: GiveUp, ctx: &mut Context<Self>) {
        ctx.report_error("it is enough");
    }

    #[handler]
    fn spawn(&mut self, _m: Spawn, ctx: &mut Context<Self>) {
        ctx.spawn(async { panic!("in a spawned future") });
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_do_not_stop_are_killed_and_named() {
    let system = System::new("test");
    let awake = system.spawn("awake", Options::default(), || Sleeper);
    let asleep = system.spawn("asleep", Options::default(), || Sleeper);
    awake.started().await.unwrap();
    asleep.tell(Sleep).await.unwrap();
    let report = system.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.stopped, ["awake"]);
    assert_eq!(report.killed, ["asleep"]);
    assert!(report.abandoned.is_empty());
    assert_eq!(report.took.as_secs(), 10);
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_before_its_turn_comes_is_in_the_report() {
    let system = System::new("test");
    let once = Options::default().restart(RestartPolicy::Temporary);
    let needed = system.spawn("needed", once, || Sleeper);
    let options = Options::default().depends_on(&needed);
    let asleep = system.spawn("asleep", options, || Sleeper);
    asleep.tell(Sleep).await.unwrap();
    asleep.started().await.unwrap();
    let shutdown = system.shutdown(Duration::from_secs(10));
    let crash = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        needed.tell(GiveUp).await.unwrap();
    };
    let (report, ()) = tokio::join!(shutdown, crash);
    assert_eq!(report.stopped, ["needed"]);
    assert_eq!(report.killed, ["asleep"]);
}

#[tokio::test]
async fn newcomers_are_refused() {
    let system = System::new("test");
    assert!(system.shutdown(Duration::from_secs(1)).await.is_clean());
    let late = system.spawn("late", Options::default(), || Sleeper);
    let error = late.started().await.unwrap_err();
    assert_eq!(error.to_string(), "start actor late: the system is shutting down");
    assert!(late.tell(Sleep).await.is_err());
}

#[tokio::test]
async fn a_panic_in_a_spawned_future_is_counted_and_harms_nobody() {
    let system = System::new("test");
    let sleeper = system.spawn("sleeper", Options::default(), || Sleeper);
    sleeper.ask(Spawn).await.unwrap();
    while system.task_panics() == 0 {
        tokio::task::yield_now().await;
    }
    sleeper.ask(Spawn).await.unwrap();
    assert!(system.shutdown(Duration::from_secs(5)).await.is_clean());
}

/// Blocks its thread until the test lets it go.
struct Blocker {
    gate: std::sync::mpsc::Receiver<()>,
    begun: Option<tokio::sync::oneshot::Sender<()>>,
}

struct Block;

#[actor]
impl Blocker {
    #[handler]
    fn block(&mut self, _m: Block) {
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(());
        }
        let _ = self.gate.recv();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_blocks_its_thread_costs_the_last_wait_and_no_more() {
    let system = System::new("test");
    let (opens, gate) = std::sync::mpsc::channel();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut blocker = Some(Blocker { gate, begun: Some(begun) });
    let options = Options::default().dedicated_thread();
    let blocker = system.spawn("blocker", options, move || blocker.take().unwrap());
    let asleep = system.spawn("asleep", Options::default(), || Sleeper);
    blocker.tell(Block).await.unwrap();
    asleep.tell(Sleep).await.unwrap();
    has_begun.await.unwrap();
    let report = system.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.abandoned, ["blocker"]);
    assert_eq!(report.killed, ["asleep"]);
    assert_eq!(report.took, Duration::from_secs(10) + jumpstarter::LAST_WAIT);
    drop(opens);
}

struct Parent {
    child: Option<Blocker>,
}

#[actor]
impl Parent {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) -> Result<(), String> {
        let mut child = self.child.take();
        let options = Options::default().dedicated_thread();
        let child = ctx.spawn_child("blocker", options, move || child.take().unwrap());
        child.try_tell(Block).map_err(|error| error.to_string())
    }

    #[handler]
    fn nothing(&mut self, _m: Spawn) {}
}

#[tokio::test(start_paused = true)]
async fn a_child_that_outlives_its_killed_parent_is_still_there() {
    let system = System::new("test");
    let (opens, gate) = std::sync::mpsc::channel();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut child = Some(Blocker { gate, begun: Some(begun) });
    let parent = system.spawn("parent", Options::default(), move || Parent { child: child.take() });
    has_begun.await.unwrap();
    parent.kill().await;
    let paths: Vec<_> = system.snapshot().into_iter().map(|actor| actor.path).collect();
    assert_eq!(paths, ["parent/blocker"]);
    assert!(system.find::<Blocker>("parent/blocker").is_some());
    let blocker = system.find::<Blocker>("parent/blocker").unwrap();
    drop(opens);
    blocker.stopped().await;
    assert_eq!(system.snapshot().len(), 0);
}
