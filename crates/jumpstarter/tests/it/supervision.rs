//! Crashes, restarts, intensity, children and their parents.

use std::time::Duration;

use jumpstarter::{
    Address, AskError, Cause, ChildFailed, Context, Event, Exit, Options, RestartPolicy, State,
    System, actor,
};
use tokio::sync::mpsc;

struct Worker {
    n: u32,
}

struct Inc;
struct Panic;
struct Fail;
struct Try(bool);

#[actor]
impl Worker {
    #[handler]
    fn inc(&mut self, _m: Inc) -> u32 {
        self.n += 1;
        self.n
    }

    #[handler]
    async fn panic(&mut self, _m: Panic) {
        tokio::task::yield_now().await;
        panic!("out of luck");
    }

    #[handler]
    fn fail(&mut self, _m: Fail, ctx: &mut Context<Self>) {
        ctx.report_error("out of order");
    }

    #[handler(crash_on_error)]
    fn attempt(&mut self, m: Try) -> Result<u32, String> {
        if m.0 { Ok(self.n) } else { Err("did not work".to_owned()) }
    }
}

fn worker(system: &System, options: Options) -> Address<Worker> {
    system.spawn("worker", options, || Worker { n: 0 })
}

#[tokio::test(start_paused = true)]
async fn a_panic_restarts_the_actor_with_a_fresh_value_and_the_same_mailbox() {
    let system = System::new("test");
    let mut events = system.events();
    let worker = worker(&system, Options::default());
    assert_eq!(worker.ask(Inc).await, Ok(1));
    let asked = worker.ask(Panic);
    let (asked, after) = tokio::join!(asked, worker.ask(Inc));
    assert_eq!(asked, Err(AskError::NoReply));
    assert_eq!(after, Ok(1));
    assert_eq!(system.snapshot()[0].restarts, 1);
    let all: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    let crashes = all.iter().filter(|event| matches!(event, Event::Crashed { .. })).count();
    let restarts = all.iter().filter(|event| matches!(event, Event::Restarted { .. })).count();
    assert_eq!((crashes, restarts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn errors_crash_as_well() {
    let system = System::new("test");
    let worker = worker(&system, Options::default());
    worker.ask(Inc).await.unwrap();
    assert_eq!(worker.ask(Fail).await, Ok(()));
    assert_eq!(worker.ask(Inc).await, Ok(1));
    assert_eq!(worker.ask(Try(true)).await, Ok(Ok(1)));
    assert_eq!(worker.ask(Try(false)).await, Ok(Err("did not work".to_owned())));
    assert_eq!(worker.ask(Inc).await, Ok(1));
    assert_eq!(system.snapshot()[0].restarts, 2);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_intensity_it_gives_up() {
    let system = System::new("test");
    let mut events = system.events();
    let worker = worker(&system, Options::default().intensity(2, Duration::from_secs(60)));
    for _ in 0..4 {
        let _ = worker.try_tell(Fail);
    }
    let Exit::Crashed(crash) = worker.stopped().await else { panic!("no crash") };
    assert_eq!(crash.cause, Cause::Error);
    assert_eq!(crash.to_string(), "out of order");
    assert_eq!(worker.lifecycle(), State::Crashed);
    assert_eq!(worker.restart().await.unwrap_err().to_string(), "restart while crashed");
    assert_eq!(system.dead_letters(), 1);
    let gave_up = std::iter::from_fn(|| events.try_next())
        .find(|event| matches!(event, Event::GaveUp { .. }));
    let Some(Event::GaveUp { history, .. }) = gave_up else { panic!("did not give up") };
    assert_eq!(history.len(), 3);
}

struct Parent {
    heard: mpsc::UnboundedSender<ChildFailed>,
    child: Option<Address<Worker>>,
}

struct Child;

#[actor]
impl Parent {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let options = Options::default().restart(RestartPolicy::Temporary);
        self.child = Some(ctx.spawn_child("child", options, || Worker { n: 0 }));
    }

    #[handler]
    fn child(&mut self, _m: Child) -> Option<Address<Worker>> {
        self.child.clone()
    }

    #[child_failed]
    fn failed(&mut self, failure: ChildFailed) {
        self.child = None;
        let _ = self.heard.send(failure);
    }
}

#[tokio::test]
async fn a_parent_hears_of_a_child_that_gave_up() {
    let system = System::new("test");
    let (heard, mut failures) = mpsc::unbounded_channel();
    let make = move || Parent { heard: heard.clone(), child: None };
    let parent = system.spawn("parent", Options::default(), make);
    let child = parent.ask(Child).await.unwrap().unwrap();
    assert_eq!(child.path(), "parent/child");
    child.tell(Panic).await.unwrap();
    let failure = failures.recv().await.unwrap();
    assert_eq!(failure.path, "parent/child");
    assert_eq!(failure.crash.to_string(), "panicked: out of luck");
    assert_eq!(parent.ask(Child).await, Ok(None));
}

#[tokio::test]
async fn a_parent_stops_its_children_first() {
    let system = System::new("test");
    let (heard, _failures) = mpsc::unbounded_channel();
    let make = move || Parent { heard: heard.clone(), child: None };
    let parent = system.spawn("parent", Options::default(), make);
    let child = parent.ask(Child).await.unwrap().unwrap();
    parent.stop().await;
    assert_eq!(child.lifecycle(), State::Stopped);
    assert!(system.snapshot().is_empty());
}

#[tokio::test]
async fn a_panicking_factory_is_a_failed_start() {
    let system = System::new("test");
    let worker: Address<Worker> =
        system.spawn("worker", Options::default(), || panic!("no worker today"));
    let error = worker.started().await.unwrap_err();
    assert_eq!(error.to_string(), "start actor worker: panicked: no worker today");
}
