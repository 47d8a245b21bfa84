//! Tasks that block: on loan, beside the actor, cancelled, abandoned.

use std::sync::mpsc;
use std::thread::ThreadId;
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::{
    Event, Exit, Flow, Options, RestartPolicy, System, TaskContext, TaskState, actor,
};
use tokio::sync::Notify;

use crate::probe::Probe;

/// What the turns block on; given by the system.
struct Gate(parking_lot::Mutex<mpsc::Receiver<()>>);

fn gate(system: &System) -> mpsc::Sender<()> {
    let (opens, gate) = mpsc::channel();
    system.provide(Gate(parking_lot::Mutex::new(gate)));
    system.provide(Notify::new());
    opens
}

fn pass_gate<A: jumpstarter::Actor>(ctx: &TaskContext<A>) {
    if let Some(begun) = ctx.system().argument::<Notify>() {
        begun.notify_one();
    }
    if let Some(gate) = ctx.system().argument::<Gate>() {
        let _ = gate.0.lock().recv();
    }
}

async fn turn_begun(system: &System) {
    system.argument::<Notify>().unwrap().notified().await;
}

struct Miner {
    dug: u32,
    thread: Option<ThreadId>,
}

struct Dug;
struct Thread;

#[actor]
impl Miner {
    #[task(blocking)]
    fn dig(&mut self, ctx: TaskContext<Self>) -> Flow {
        pass_gate(&ctx);
        self.dug += 1;
        self.thread = Some(std::thread::current().id());
        if self.dug < 2 { Flow::Continue } else { Flow::Success }
    }

    #[handler]
    fn dug(&mut self, _m: Dug) -> u32 {
        self.dug
    }

    #[handler]
    fn thread(&mut self, _m: Thread) -> Option<ThreadId> {
        self.thread
    }
}

#[tokio::test]
async fn with_self_the_actor_is_on_loan_and_messages_wait() {
    let system = System::new("test");
    let opens = gate(&system);
    let miner = system.spawn("miner", Options::default(), || Miner { dug: 0, thread: None });
    turn_begun(&system).await;
    let mut asked = Box::pin(miner.ask(Dug));
    for _ in 0..20 {
        assert!((&mut asked).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    opens.send(()).unwrap();
    // Between two turns the messages come first.
    assert_eq!(asked.await, Ok(1));
    opens.send(()).unwrap();
    while miner.snapshot().tasks != [("dig", TaskState::Succeeded)] {
        tokio::task::yield_now().await;
    }
    assert_eq!(miner.ask(Dug).await, Ok(2));
    let thread = miner.ask(Thread).await.unwrap().unwrap();
    assert_ne!(thread, std::thread::current().id());
}

struct Beside;

#[actor]
impl Beside {
    #[task(blocking)]
    fn work(ctx: TaskContext<Self>) -> Flow {
        pass_gate(&ctx);
        Flow::Success
    }

    #[handler]
    fn dug(&mut self, _m: Dug) -> u32 {
        7
    }
}

#[tokio::test]
async fn without_self_it_runs_beside_the_messages() {
    let system = System::new("test");
    let opens = gate(&system);
    let beside = system.spawn("beside", Options::default(), || Beside);
    turn_begun(&system).await;
    assert_eq!(beside.ask(Dug).await, Ok(7));
    assert_eq!(beside.snapshot().tasks, [("work", TaskState::Running)]);
    opens.send(()).unwrap();
    while beside.snapshot().tasks != [("work", TaskState::Succeeded)] {
        tokio::task::yield_now().await;
    }
}

/// Looks at its token.
struct Polite {
    probe: Probe,
}

#[actor]
impl Polite {
    #[task(blocking)]
    fn lent(&mut self, ctx: TaskContext<Self>) -> Flow {
        if let Some(begun) = ctx.system().argument::<Notify>() {
            begun.notify_one();
        }
        while !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        self.probe.note("lent turn ended");
        Flow::Continue
    }

    #[task(blocking)]
    fn beside(ctx: TaskContext<Self>) -> Flow {
        while !ctx.scope().is_cancelled() {
            std::thread::yield_now();
        }
        if let Some(probe) = ctx.system().argument::<Probe>() {
            probe.note("turn beside ended");
        }
        Flow::Continue
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note("stopped");
    }
}

#[tokio::test]
async fn a_stop_cancels_the_turns_and_waits_for_them() {
    let system = System::new("test");
    let _opens = gate(&system);
    let probe = Probe::default();
    system.provide(probe.clone());
    let noted = probe.clone();
    let options = Options::default().grace(Duration::from_secs(60));
    let polite = system.spawn("polite", options, move || Polite { probe: noted.clone() });
    turn_begun(&system).await;
    assert!(matches!(polite.stop().await, Exit::Stopped));
    let noted = probe.take();
    assert_eq!(noted[0], "lent turn ended");
    assert_eq!(noted.last().unwrap(), "stopped");
    // The one beside may have been stopped before its first turn.
    assert!(noted.len() == 2 || noted[1] == "turn beside ended", "{noted:?}");
    assert_eq!(system.abandoned_turns(), 0);
}

#[tokio::test]
async fn a_turn_that_does_not_end_within_the_grace_is_abandoned_and_counted() {
    let system = System::new("test");
    let opens = gate(&system);
    let mut events = system.events();
    let options = || Options::default().grace(Duration::from_millis(1));
    let miner = system.spawn("miner", options(), || Miner { dug: 0, thread: None });
    turn_begun(&system).await;
    assert!(matches!(miner.stop().await, Exit::Stopped));
    assert_eq!(system.abandoned_turns(), 1);
    let beside = system.spawn("beside", options(), || Beside);
    turn_begun(&system).await;
    assert!(matches!(beside.stop().await, Exit::Stopped));
    assert_eq!(system.abandoned_turns(), 2);
    let abandoned = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        Event::TurnAbandoned { path, task } => Some((path, task)),
        _ => None,
    });
    let expected = [("miner".to_owned(), "dig"), ("beside".to_owned(), "work")];
    assert_eq!(abandoned.collect::<Vec<_>>(), expected);
    // Lets the threads go.
    drop(opens);
}

struct Panicking;

#[actor]
impl Panicking {
    #[resource]
    async fn probe(&self, injector: &jumpstarter::Injector) -> Result<Probe, &'static str> {
        injector.argument::<Probe>().map(|probe| probe.as_ref().clone()).ok_or("no probe")
    }

    #[release(probe)]
    fn release(&mut self, probe: Probe) {
        probe.note("released");
    }

    #[task(blocking)]
    fn fall(&mut self) {
        panic!("fell");
    }
}

#[tokio::test]
async fn a_panic_on_loan_is_a_crash_and_the_resources_are_released() {
    let system = System::new("test");
    let probe = Probe::default();
    system.provide(probe.clone());
    let options = Options::default().restart(RestartPolicy::Temporary);
    let Exit::Crashed(crash) = system.spawn("it", options, || Panicking).stopped().await else {
        panic!("no crash")
    };
    assert_eq!(crash.to_string(), "panicked: fell");
    assert_eq!(probe.take(), ["released"]);
    assert_eq!(system.abandoned_turns(), 0);
}

/// Takes a place of the pool until the test lets it go.
struct Digger;

/// Who is inside, and what lets them go, one by one.
struct Mine {
    enters: tokio::sync::mpsc::UnboundedSender<()>,
    leave: parking_lot::Mutex<mpsc::Receiver<()>>,
}

#[actor]
impl Digger {
    #[task(blocking)]
    fn dig(ctx: TaskContext<Self>) -> Flow {
        if let Some(mine) = ctx.system().argument::<Mine>() {
            let _ = mine.enters.send(());
            let _ = mine.leave.lock().recv();
        }
        Flow::Success
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread beside the pool, to see who comes first")]
#[tokio::test]
async fn as_many_turns_as_the_pool_has_places_run_at_a_time() {
    let system = System::new("test");
    let (enters, mut entered) = tokio::sync::mpsc::unbounded_channel();
    let (lets_go, leave) = mpsc::channel();
    system.provide(Mine { enters, leave: parking_lot::Mutex::new(leave) });
    let places = jumpstarter::BLOCKING_POOL;
    assert_eq!(places, 64);
    let spawn = |n: usize| system.spawn(&format!("digger {n}"), Options::default(), || Digger);
    let diggers: Vec<_> = (0..places + 2).map(spawn).collect();
    for _ in 0..places {
        entered.recv().await.unwrap();
    }
    for digger in &diggers {
        digger.started().await.unwrap();
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // Closures get threads in the order in which the runtime has them: one of
    // those beyond the bound would be there before this one.
    tokio::task::spawn_blocking(|| {}).await.unwrap();
    assert!(entered.try_recv().is_err());
    // Each that leaves lets one in.
    for _ in 0..2 {
        lets_go.send(()).unwrap();
        entered.recv().await.unwrap();
        tokio::task::spawn_blocking(|| {}).await.unwrap();
        assert!(entered.try_recv().is_err());
    }
    drop(lets_go);
}
