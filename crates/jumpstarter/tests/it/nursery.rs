//! Actors that start at once have no task until somebody wants them; who waits to be
//! started is held up by nobody, and ends with the runtime.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use jumpstarter::{Address, AskError, Context, Exit, Options, Restarting, State, System, actor};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// For what nothing holds up.
const DEADLINE: Duration = Duration::from_secs(60);

struct Echo;
struct Say(u32);

#[actor]
impl Echo {
    #[handler]
    fn say(&mut self, m: Say) -> u32 {
        m.0
    }
}

/// Waits since its start.
async fn dozing(system: &System) -> Address<Echo> {
    let echo = system.spawn("echo", Options::default(), || Echo);
    echo.started().await.unwrap();
    echo
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn an_actor_has_no_task_until_it_is_wanted() {
    let system = System::new("test");
    dozing(&system).await;
    let before = tasks();
    let mut echoes = Vec::new();
    for _ in 0..100 {
        echoes.push(dozing(&system).await);
    }
    assert_eq!(tasks(), before);
    for (n, echo) in (0..).zip(&echoes) {
        assert_eq!(echo.ask(Say(n)).await, Ok(n));
    }
    assert_eq!(tasks(), before + echoes.len());
    assert!(system.shutdown(DEADLINE).await.is_clean());
}

#[tokio::test]
async fn one_that_is_stopped_at_once_never_has_a_task() {
    let system = System::new("test");
    dozing(&system).await;
    let before = tasks();
    for _ in 0..100 {
        let echo = system.spawn("echo", Options::default(), || Echo);
        assert!(matches!(echo.stop().await, Exit::Stopped));
        assert_eq!(tasks(), before);
    }
}

#[tokio::test]
async fn all_that_is_asked_of_one_that_waits_reaches_it() {
    let system = System::new("test");
    let echo = dozing(&system).await;
    echo.tell(Say(1)).await.unwrap();
    assert_eq!(echo.ask(Say(2)).await, Ok(2));
    assert!(matches!(dozing(&system).await.stop().await, Exit::Stopped));
    assert!(matches!(dozing(&system).await.stop_now().await, Exit::Stopped));
    assert!(matches!(dozing(&system).await.kill().await, Exit::Killed));

    let echo = dozing(&system).await;
    echo.pause().await.unwrap();
    assert_eq!(echo.lifecycle(), State::Paused);
    echo.resume().await.unwrap();
    assert_eq!(echo.ask(Say(3)).await, Ok(3));

    let echo = dozing(&system).await;
    restarted(echo.restart(), &echo).await;

    let frail = system.spawn("frail", Options::default(), || Echo);
    frail.started().await.unwrap();
    assert!(system.crash("frail"));
    assert_eq!((frail.ask(Say(4)).await, frail.snapshot().restarts), (Ok(4), 1));
    assert!(system.shutdown(DEADLINE).await.is_clean());
}

async fn restarted(restarting: Restarting, echo: &Address<Echo>) {
    restarting.await.unwrap();
    assert_eq!((echo.snapshot().restarts, echo.ask(Say(5)).await), (1, Ok(5)));
}

/// Has a start to run.
struct Greeter;

#[actor]
impl Greeter {
    #[started]
    fn begin(&mut self) {}
}

#[tokio::test]
async fn who_awaits_one_that_has_only_to_be_made_makes_it() {
    let system = System::new("test");
    let echo = system.spawn("echo", Options::default(), || Echo);
    assert!(matches!(echo.started().now_or_never(), Some(Ok(()))));
    assert!(echo.lifecycle().is_started());
    let echo = system.spawn("echo", Options::default(), || Echo);
    assert!(matches!(echo.stop().now_or_never(), Some(Exit::Stopped)));

    let greeter = system.spawn("greeter", Options::default(), || Greeter);
    assert!(greeter.started().now_or_never().is_none(), "its own code may block");
    let elder = system.spawn("elder", Options::default(), || Echo);
    system.spawn("younger", Options::default(), || Echo);
    assert!(elder.started().now_or_never().is_none(), "others came after it");
    elder.started().await.unwrap();
}

#[test]
fn one_is_made_in_its_own_runtime_only() {
    let [own, other] =
        [(); 2].map(|()| tokio::runtime::Builder::new_current_thread().build().unwrap());
    let system = own.block_on(async { System::new("test") });
    let echo = system.spawn("echo", Options::default(), || Echo);
    assert!(echo.started().now_or_never().is_none(), "here is none");
    assert!(other.block_on(async { echo.started().now_or_never() }).is_none());
    assert!(own.block_on(async { echo.started().now_or_never() }).is_some());
}

#[tokio::test]
async fn others_have_their_turn_while_many_are_made() {
    let system = System::new("test");
    let turn = AtomicBool::new(false);
    let makes = async {
        let mut made = 0;
        while !turn.load(Ordering::Relaxed) {
            system.spawn("echo", Options::default(), || Echo).stop().await;
            made += 1;
            assert!(made < 1_000, "nobody else has a turn");
        }
    };
    tokio::join!(makes, async { turn.store(true, Ordering::Relaxed) });
}

type Order = Arc<Mutex<Vec<String>>>;

/// Notes its name when it starts, and starts others.
struct Node {
    name: String,
    depth: u32,
    order: Order,
}

#[actor]
impl Node {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        self.order.lock().unwrap().push(self.name.clone());
        for n in 0..2 {
            if self.depth > 0 {
                spawn_node(ctx.system(), &format!("{}{n}", self.name), self.depth - 1, &self.order);
            }
        }
    }
}

fn spawn_node(system: &System, name: &str, depth: u32, order: &Order) -> Address<Node> {
    let (name, order) = (name.to_owned(), Arc::clone(order));
    let own = name.clone();
    system.spawn(&own, Options::default(), move || Node {
        name: name.clone(),
        depth,
        order: Arc::clone(&order),
    })
}

#[tokio::test]
async fn elder_ones_start_first_and_a_tree_branch_by_branch() {
    let system = System::new("test");
    let order = Order::default();
    for name in ["a", "b", "c"] {
        spawn_node(&system, name, 2, &order);
    }
    while order.lock().unwrap().len() < 21 {
        tokio::task::yield_now().await;
    }
    assert!(system.shutdown(DEADLINE).await.is_clean());
    let order = order.lock().unwrap();
    let branch =
        |name: &str| ["", "0", "00", "01", "1", "10", "11"].map(|way| format!("{name}{way}"));
    // Each sixteenth comes out of turn, so that nobody waits forever.
    assert_eq!(order[..7], branch("a"));
}

/// Its family never ends until it is told.
struct Endless(Arc<AtomicBool>);

#[actor]
impl Endless {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        if !self.0.load(Ordering::Relaxed) {
            let enough = Arc::clone(&self.0);
            ctx.system().spawn("endless", Options::default(), move || Endless(enough.clone()));
        }
        ctx.stop_self();
    }
}

#[tokio::test]
async fn an_endless_family_keeps_nobody_from_starting() {
    let system = System::new("test");
    let enough = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&enough);
    system.spawn("endless", Options::default(), move || Endless(until.clone()));
    for n in 0..100 {
        let echo = system.spawn("echo", Options::default(), || Echo);
        assert_eq!(echo.ask(Say(n)).await, Ok(n));
    }
    enough.store(true, Ordering::Relaxed);
    assert!(system.shutdown(DEADLINE).await.is_clean());
}

/// Blocks its thread until its child has started.
struct Blocking;

#[actor]
impl Blocking {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let child = ctx.spawn_child("child", Options::default(), || Echo);
        let answer = block_in_place(|| Handle::current().block_on(child.ask(Say(7))));
        assert_eq!(answer, Ok(7));
    }
}

/// Blocks its thread until so many do.
struct Together(Arc<Barrier>);

#[actor]
impl Together {
    #[started]
    fn begin(&mut self) {
        block_in_place(|| self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_that_block_their_threads_hold_up_no_others() {
    let system = System::new("test");
    let all: Vec<_> =
        (0..40).map(|_| system.spawn("blocking", Options::default(), || Blocking)).collect();
    for blocking in all {
        in_time(blocking.started()).await.unwrap();
    }
    let barrier = Arc::new(Barrier::new(40));
    let spawn = |_| {
        let barrier = Arc::clone(&barrier);
        system.spawn("together", Options::default(), move || Together(Arc::clone(&barrier)))
    };
    let all: Vec<_> = (0..40).map(spawn).collect();
    for together in all {
        in_time(together.started()).await.unwrap();
    }
    assert!(system.shutdown(DEADLINE).await.is_clean());
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

/// Counts its own drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Holder(#[expect(dead_code, reason = "its drop is counted")] Counted);

#[actor]
impl Holder {
    #[handler]
    fn say(&mut self, m: Say) -> u32 {
        m.0
    }
}

#[test]
fn with_the_runtime_end_those_who_wait_and_those_who_were_not_started() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spawn = |system: &System| {
        let mut held = Some(Counted(Arc::clone(&dropped)));
        let make = move || Holder(held.take().expect("it starts once"));
        system.spawn("holder", Options::default(), make)
    };
    let system = runtime.block_on(async { System::new("test") });
    let waits = spawn(&system);
    runtime.block_on(waits.started()).unwrap();
    let unborn = spawn(&system);
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(runtime);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    // What is wanted of them then, and who comes then, is dropped as well.
    waits.try_tell(Say(1)).unwrap();
    unborn.try_tell(Say(1)).unwrap();
    spawn(&system);
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_start_that_fails_is_told_of_as_anywhere() {
    let system = System::new("test");
    let failing = system.spawn("failing", Options::default().intensity(0, DEADLINE), || -> Echo {
        panic!("on purpose")
    });
    let error = failing.started().await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert_eq!(failing.ask(Say(1)).await, Err(AskError::Closed));
}
