//! Group restarts and escalation.

use std::time::Duration;

use jumpstarter::{
    Address, Cause, ChildFailed, Context, Escalated, Event, Events, Exit, Options, RestartPolicy,
    State, Strategy, System, actor,
};
use tokio::sync::mpsc;

use crate::probe::Probe;

struct Child {
    name: &'static str,
    probe: Probe,
    n: u32,
}

struct Boom;
struct Inc;
struct Leave;

#[actor]
impl Child {
    #[started]
    async fn begin(&mut self) {
        self.probe.note(format!("{} starts", self.name));
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.probe.note(format!("{} started", self.name));
    }

    #[handler]
    fn boom(&mut self, _m: Boom) {
        panic!("boom");
    }

    #[handler]
    fn inc(&mut self, _m: Inc) -> u32 {
        self.n += 1;
        self.n
    }

    #[handler]
    fn leave(&mut self, _m: Leave, ctx: &mut Context<Self>) {
        ctx.stop_self();
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note(format!("{} stopped", self.name));
    }
}

/// Has the children a, b and c.
struct Parent {
    probe: Probe,
    /// The options of each.
    children: [Options; 3],
}

#[actor]
impl Parent {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        for (name, options) in ["a", "b", "c"].into_iter().zip(&self.children) {
            let probe = self.probe.clone();
            let make = move || Child { name, probe: probe.clone(), n: 0 };
            ctx.spawn_child(name, options.clone(), make);
        }
    }
}

struct Family {
    system: System,
    events: Events,
    probe: Probe,
    parent: Address<Parent>,
}

impl Family {
    async fn new(strategy: Strategy, child: impl Fn(usize) -> Options) -> Self {
        let (system, probe) = (System::new("test"), Probe::default());
        let noted = probe.clone();
        let children = [child(0), child(1), child(2)];
        let make = move || Parent { probe: noted.clone(), children: children.clone() };
        let parent = system.spawn("parent", Options::default().strategy(strategy), make);
        parent.started().await.unwrap();
        let family = Family { events: system.events(), system, probe, parent };
        for name in ["a", "b", "c"] {
            family.child(name).started().await.unwrap();
        }
        family.probe.take();
        family
    }

    fn child(&self, name: &str) -> Address<Child> {
        self.system.find(&format!("parent/{name}")).unwrap()
    }

    /// The children of each group restart so far.
    fn groups(&mut self) -> Vec<Vec<String>> {
        let all = std::iter::from_fn(|| self.events.try_next());
        let groups = all.filter_map(|event| match event {
            Event::GroupRestarted { path, children } => {
                assert_eq!(path, "parent");
                Some(children)
            }
            _ => None,
        });
        groups.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn one_for_all_stops_in_reverse_and_starts_in_order() {
    let mut family = Family::new(Strategy::OneForAll, |_| Options::default()).await;
    let (a, b, c) = (family.child("a"), family.child("b"), family.child("c"));
    assert_eq!(a.ask(Inc).await, Ok(1));
    b.try_tell(Boom).unwrap();
    let (of_b, of_c) = tokio::join!(b.ask(Inc), c.ask(Inc));
    assert_eq!(a.ask(Inc).await, Ok(1), "a has a fresh value");
    assert_eq!((of_b, of_c), (Ok(1), Ok(1)));
    c.started().await.unwrap();
    let expected = [
        "c stopped",
        "a stopped",
        "a starts",
        "a started",
        "b starts",
        "b started",
        "c starts",
        "c started",
    ];
    assert_eq!(family.probe.take(), expected);
    assert_eq!(family.groups(), [["parent/a", "parent/b", "parent/c"]]);
}

#[tokio::test(start_paused = true)]
async fn the_mailboxes_of_all_are_kept() {
    let family = Family::new(Strategy::OneForAll, |_| Options::default()).await;
    let (a, b, c) = (family.child("a"), family.child("b"), family.child("c"));
    c.pause().await.unwrap();
    for _ in 0..3 {
        c.try_tell(Inc).unwrap();
    }
    b.try_tell(Boom).unwrap();
    b.try_tell(Inc).unwrap();
    assert_eq!(b.ask(Inc).await, Ok(2));
    // A restart ends a pause.
    assert_eq!(c.ask(Inc).await, Ok(4));
    assert_eq!(a.snapshot().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_spares_those_before() {
    let mut family = Family::new(Strategy::RestForOne, |_| Options::default()).await;
    let (a, b, c) = (family.child("a"), family.child("b"), family.child("c"));
    b.try_tell(Boom).unwrap();
    c.ask(Inc).await.unwrap();
    while c.snapshot().restarts == 0 {
        tokio::task::yield_now().await;
    }
    c.started().await.unwrap();
    assert_eq!(a.snapshot().restarts, 0);
    let expected = ["c stopped", "b starts", "b started", "c starts", "c started"];
    assert_eq!(family.probe.take(), expected);
    assert_eq!(family.groups(), [["parent/b", "parent/c"]]);
}

#[tokio::test(start_paused = true)]
async fn one_for_one_is_the_default() {
    let mut family = Family::new(Strategy::default(), |_| Options::default()).await;
    let b = family.child("b");
    b.try_tell(Boom).unwrap();
    assert_eq!(b.ask(Inc).await, Ok(1));
    assert_eq!(family.probe.take(), ["b starts", "b started"]);
    assert!(family.groups().is_empty());
}

#[tokio::test(start_paused = true)]
async fn crashes_at_the_same_time_are_one_group_restart() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let mut family = Family::new(strategy, |_| Options::default()).await;
        let (a, c) = (family.child("a"), family.child("c"));
        c.try_tell(Boom).unwrap();
        a.try_tell(Boom).unwrap();
        let asked = tokio::join!(c.ask(Inc), a.ask(Inc));
        assert_eq!(asked, (Ok(1), Ok(1)));
        assert_eq!(family.groups().len(), 1, "{strategy:?}");
        for actor in family.system.snapshot() {
            assert_eq!(actor.restarts, u32::from(actor.path != "parent"), "{}", actor.path);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_group_waits_for_the_backoff_of_the_one_that_crashed() {
    let family = Family::new(Strategy::OneForAll, |_| Options::default()).await;
    let (a, b) = (family.child("a"), family.child("b"));
    b.try_tell(Boom).unwrap();
    b.try_tell(Boom).unwrap();
    b.try_tell(Boom).unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(b.ask(Inc).await, Ok(1));
    // Nothing, then 10 ms, then 20 ms.
    assert_eq!(begun.elapsed().as_millis(), 30);
    assert_eq!(a.snapshot().restarts, 3);
}

#[tokio::test(start_paused = true)]
async fn those_that_have_ended_are_left_out_and_temporary_ones_end() {
    let temporary = |index| match index {
        2 => Options::default().restart(RestartPolicy::Temporary),
        _ => Options::default(),
    };
    let mut family = Family::new(Strategy::OneForAll, temporary).await;
    let (a, b, c) = (family.child("a"), family.child("b"), family.child("c"));
    a.stop().await;
    b.try_tell(Boom).unwrap();
    assert_eq!(b.ask(Inc).await, Ok(1));
    assert!(matches!(c.stopped().await, Exit::Stopped));
    assert_eq!(family.groups(), [["parent/b"]]);
    assert_eq!(family.probe.take(), ["a stopped", "c stopped", "b starts", "b started"]);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_child_that_leaves_takes_the_group_along() {
    let permanent = |_| Options::default().restart(RestartPolicy::Permanent);
    let mut family = Family::new(Strategy::OneForAll, permanent).await;
    let (a, c) = (family.child("a"), family.child("c"));
    a.try_tell(Leave).unwrap();
    assert_eq!(a.ask(Inc).await, Ok(1));
    c.ask(Inc).await.unwrap();
    assert_eq!(family.groups(), [["parent/a", "parent/b", "parent/c"]]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_can_be_stopped_in_the_middle_of_a_group_restart() {
    let slow = |_| Options::default().intensity(9, Duration::from_secs(3600));
    let family = Family::new(Strategy::OneForAll, slow).await;
    let b = family.child("b");
    for _ in 0..5 {
        b.try_tell(Boom).unwrap();
    }
    // Crashed for the second time: everyone is held for the backoff.
    while b.snapshot().restarts < 1 || b.lifecycle() != State::Crashed {
        tokio::task::yield_now().await;
    }
    assert!(matches!(family.parent.stop().await, Exit::Stopped));
    assert!(family.system.snapshot().is_empty());
}

/// Has a child that has children of its own.
struct Grandparent {
    heard: mpsc::UnboundedSender<ChildFailed>,
    parent: Options,
}

#[actor]
impl Grandparent {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let once = Options::default().intensity(1, Duration::from_secs(60));
        let children = [once.clone(), once.clone(), once];
        let make = move || Parent { probe: Probe::default(), children: children.clone() };
        ctx.spawn_child("parent", self.parent.clone(), make);
    }

    #[child_failed]
    fn failed(&mut self, failure: ChildFailed) {
        let _ = self.heard.send(failure);
    }
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_gives_up_crashes_with_the_history() {
    let system = System::new("test");
    let (heard, mut failures) = mpsc::unbounded_channel();
    let parent =
        Options::default().strategy(Strategy::OneForAll).intensity(1, Duration::from_secs(60));
    let make = move || Grandparent { heard: heard.clone(), parent: parent.clone() };
    system.spawn("grand", Options::default(), make).started().await.unwrap();
    // Two crashes are one too many for the child, and twice that for its parent.
    let failure = loop {
        tokio::task::yield_now().await;
        if let Some(child) = system.find::<Child>("grand/parent/a") {
            // It may end at this moment.
            let _ = child.try_tell(Boom);
        }
        if let Ok(failure) = failures.try_recv() {
            break failure;
        }
    };
    assert_eq!(failure.path, "grand/parent");
    assert_eq!(failure.crash.cause, Cause::Child);
    assert_eq!(failure.policy, RestartPolicy::Transient);
    let history: Vec<String> = failure.history.iter().map(ToString::to_string).collect();
    let of_child =
        "child grand/parent/a gave up after 2 crashes (panicked: boom; panicked: boom)".to_owned();
    assert_eq!(history, [of_child.clone(), of_child]);
    let escalated = failure.crash.error.downcast_ref::<Escalated>().unwrap();
    assert_eq!(escalated.failure.history.len(), 2);
}

async fn crash_of_parent(parent: Options) -> Option<String> {
    let system = System::new("test");
    let mut events = system.events();
    let children = Options::default().intensity(0, Duration::from_secs(60));
    let children = [children.clone(), children.clone(), children];
    let make = move || Parent { probe: Probe::default(), children: children.clone() };
    let parent = system.spawn("parent", parent, make);
    parent.started().await.unwrap();
    let a: Address<Child> = system.find("parent/a").unwrap();
    a.tell(Boom).await.unwrap();
    a.stopped().await;
    parent.stop().await;
    std::iter::from_fn(|| events.try_next()).find_map(|event| match event {
        Event::Crashed { path, crash } if path == "parent" => Some(crash.to_string()),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn one_for_one_escalates_if_asked_to() {
    assert_eq!(crash_of_parent(Options::default()).await, None);
    let told = "child parent/a gave up after 1 crashes (panicked: boom)".to_owned();
    assert_eq!(crash_of_parent(Options::default().escalate()).await, Some(told));
}

struct Strict;

#[actor]
impl Strict {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let temporary = Options::default().restart(RestartPolicy::Temporary);
        let make = || Child { name: "child", probe: Probe::default(), n: 0 };
        ctx.spawn_child("child", temporary, make).try_tell(Boom).unwrap();
    }

    #[child_failed]
    fn failed(&mut self, failure: ChildFailed) -> Result<(), String> {
        Err(format!("cannot do without {}", failure.path))
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_child_failed_crashes_the_parent() {
    let system = System::new("test");
    let options = Options::default().restart(RestartPolicy::Temporary);
    let Exit::Crashed(crash) = system.spawn("strict", options, || Strict).stopped().await else {
        panic!("no crash")
    };
    let told = "child strict/child gave up after 1 crashes (panicked: boom): \
                cannot do without strict/child";
    assert_eq!(crash.to_string(), told);
}
