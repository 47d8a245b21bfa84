//! Those that depend on others: which edges count, and who stops whom.

use std::time::Duration;

use jumpstarter::{Address, Context, Dependency, Exit, Injector, Options, State, System, actor};

use crate::probe::Probe;

/// Needs those that it is given; says goodbye to the first of them.
struct Node {
    name: &'static str,
    needs: Vec<Address<Node>>,
    probe: Probe,
}

struct Greet;
struct Boom;
struct Leave;

#[actor]
impl Node {
    #[handler]
    fn greet(&mut self, _m: Greet) -> &'static str {
        self.name
    }

    #[handler]
    fn boom(&mut self, _m: Boom) {
        panic!("boom");
    }

    #[handler]
    fn leave(&mut self, _m: Leave, ctx: &mut Context<Self>) {
        ctx.stop_self();
    }

    #[stopped]
    async fn end(&mut self) {
        let answer = match self.needs.first() {
            Some(first) => format!("{:?}", first.ask(Greet).await),
            None => "nobody to ask".to_owned(),
        };
        self.probe.note(format!("{}: {answer}", self.name));
    }
}

struct Web {
    system: System,
    probe: Probe,
}

impl Web {
    fn new() -> Self {
        Web { system: System::new("test"), probe: Probe::default() }
    }

    async fn node(&self, name: &'static str, needs: &[&Address<Node>]) -> Address<Node> {
        let needs: Vec<_> = needs.iter().map(|&address| address.clone()).collect();
        let once = Options::default().intensity(1, Duration::from_secs(60));
        let options = needs.iter().fold(once, |options, address| options.depends_on(address));
        let probe = self.probe.clone();
        let make = move || Node { name, needs: needs.clone(), probe: probe.clone() };
        let node = self.system.spawn(name, options, make);
        node.started().await.unwrap();
        node
    }
}

#[tokio::test]
async fn what_a_dependency_needs_is_not_linked_again() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let b = web.node("b", &[&a]).await;
    let c = web.node("c", &[&b]).await;
    let d = web.node("d", &[&a, &c, &b]).await;
    assert_eq!(d.snapshot().dependencies, ["c"]);
    assert_eq!(c.snapshot().dependencies, ["b"]);
    let report = web.system.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.stopped, ["d", "c", "b", "a"]);
    assert_eq!(
        web.probe.take(),
        ["d: Ok(\"a\")", "c: Ok(\"b\")", "b: Ok(\"a\")", "a: nobody to ask"]
    );
}

#[tokio::test]
async fn edges_are_reduced_also_when_all_start_at_the_same_time() {
    let system = System::new("test");
    let probe = Probe::default();
    let spawn = |name: &'static str, needs: Vec<Address<Node>>| {
        let options = needs.iter().fold(Options::default(), |options, it| options.depends_on(it));
        let probe = probe.clone();
        system.spawn(name, options, move || Node {
            name,
            needs: needs.clone(),
            probe: probe.clone(),
        })
    };
    let a = spawn("a", Vec::new());
    let b = spawn("b", vec![a.clone()]);
    let c = spawn("c", vec![a.clone(), b.clone()]);
    c.started().await.unwrap();
    assert_eq!(c.snapshot().dependencies, ["b"]);
}

#[tokio::test]
async fn a_stop_for_good_stops_the_dependents_first() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let b = web.node("b", &[&a]).await;
    let c = web.node("c", &[&b]).await;
    let apart = web.node("apart", &[]).await;
    a.stop().await;
    assert_eq!(web.probe.take(), ["c: Ok(\"b\")", "b: Ok(\"a\")", "a: nobody to ask"]);
    assert_eq!((b.lifecycle(), c.lifecycle()), (State::Stopped, State::Stopped));
    assert_eq!(apart.lifecycle(), State::Healthy);
}

#[tokio::test]
async fn so_does_an_actor_that_stops_itself() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let _b = web.node("b", &[&a]).await;
    a.tell(Leave).await.unwrap();
    assert!(matches!(a.stopped().await, Exit::Stopped));
    assert_eq!(web.probe.take(), ["b: Ok(\"a\")", "a: nobody to ask"]);
}

#[tokio::test]
async fn dependents_stay_when_it_is_restarted_and_go_when_it_gives_up() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let b = web.node("b", &[&a]).await;
    a.tell(Boom).await.unwrap();
    assert_eq!(a.ask(Greet).await, Ok("a"));
    assert_eq!(a.snapshot().restarts, 1);
    assert_eq!((b.lifecycle(), b.snapshot().restarts), (State::Healthy, 0));
    a.tell(Boom).await.unwrap();
    assert!(matches!(b.stopped().await, Exit::Stopped));
    assert!(matches!(a.stopped().await, Exit::Crashed(_)));
    assert_eq!(web.probe.take(), ["b: Err(Closed)"]);
}

#[tokio::test]
async fn a_kill_stops_dependents_afterwards() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let b = web.node("b", &[&a]).await;
    a.kill().await;
    assert!(matches!(b.stopped().await, Exit::Stopped));
}

/// Can do without the node; owns another one.
struct Easy {
    wanted: &'static str,
    probe: Probe,
}

struct Has;

#[actor]
impl Easy {
    #[depends_on]
    fn node(&self, injector: &Injector) -> Dependency<Node> {
        match injector.system().find(self.wanted) {
            Some(node) => Dependency::existing(node).optional(),
            None => Dependency::named(self.wanted).optional(),
        }
    }

    #[depends_on]
    fn own(&self) -> Dependency<Easel> {
        Dependency::spawn("own", Options::default(), || Easel)
    }

    #[handler]
    fn has(&mut self, _m: Has, ctx: &Context<Self>) -> bool {
        ctx.dependency::<Node>().is_some()
    }

    #[stopped]
    fn end(&mut self) {
        self.probe.note("easy stopped");
    }
}

struct Easel;

#[actor]
impl Easel {}

fn easy(web: &Web, wanted: &'static str) -> Address<Easy> {
    let probe = web.probe.clone();
    let make = move || Easy { wanted, probe: probe.clone() };
    web.system.spawn("easy", Options::default(), make)
}

#[tokio::test]
async fn an_optional_one_is_awaited_but_not_needed() {
    let web = Web::new();
    let a = web.node("a", &[]).await;
    let with = easy(&web, "a");
    assert_eq!(with.ask(Has).await, Ok(true));
    a.stop().await;
    assert_eq!(with.lifecycle(), State::Healthy);
    assert_eq!(web.probe.take(), ["a: nobody to ask"]);
    let without = easy(&web, "nobody");
    assert_eq!(without.ask(Has).await, Ok(false));
    // Of another type.
    let other = easy(&web, "easy");
    assert_eq!(other.ask(Has).await, Ok(false));
}

#[tokio::test]
async fn it_still_stops_after_the_dependent_at_a_shutdown() {
    let web = Web::new();
    let _a = web.node("a", &[]).await;
    easy(&web, "a").started().await.unwrap();
    let report = web.system.shutdown(Duration::from_secs(5)).await;
    let place = |path| report.stopped.iter().position(|stopped| stopped == path);
    assert!(place("easy") < place("a"), "{report:?}");
    assert_eq!(report.stopped.len(), 3);
}

#[tokio::test]
async fn a_parent_outlives_the_dependency_that_it_owns() {
    let web = Web::new();
    let easy = easy(&web, "nobody");
    easy.started().await.unwrap();
    let own: Address<Easel> = web.system.find("easy/own").unwrap();
    own.stop().await;
    assert_eq!(easy.ask(Has).await, Ok(false));
}
