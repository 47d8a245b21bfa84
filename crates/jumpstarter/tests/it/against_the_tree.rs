//! Dependencies that contradict the tree: a parent that depends, by way of
//! another actor, on its own child; and a child that depends on one that depends
//! on its parent. Whatever is stopped then, nobody waits forever.

use std::time::Duration;

use jumpstarter::{Address, Context, Dependency, Exit, Injector, Options, State, System, actor};

use crate::probe::Probe;

struct Parent(Probe);
struct Between(Probe);
struct Child(Probe);

#[actor]
impl Parent {
    #[depends_on]
    fn between(&self) -> Dependency<Between> {
        Dependency::named("between")
    }

    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let probe = self.0.clone();
        ctx.spawn_child("child", Options::default(), move || Child(probe.clone()));
    }

    #[stopped]
    fn end(&mut self) {
        self.0.note("parent");
    }
}

#[actor]
impl Between {
    #[depends_on]
    fn child(&self, injector: &Injector) -> Dependency<Child> {
        match injector.system().find::<Child>("above/parent/child") {
            Some(child) => child.into(),
            None => Dependency::named("above/parent/child").optional(),
        }
    }

    #[stopped]
    fn end(&mut self) {
        self.0.note("between");
    }
}

#[actor]
impl Child {
    #[stopped]
    fn end(&mut self) {
        self.0.note("child");
    }
}

/// Around the parent, so that the circle does not begin at the root.
struct Above(Probe);

#[actor]
impl Above {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let probe = self.0.clone();
        ctx.spawn_child("parent", Options::default(), move || Parent(probe.clone()));
    }

    #[stopped]
    fn end(&mut self) {
        self.0.note("above");
    }
}

struct Circle {
    system: System,
    probe: Probe,
    above: Address<Above>,
    parent: Address<Parent>,
    between: Address<Between>,
    child: Address<Child>,
}

/// The parent depends on the one between, which has come to depend on the
/// parent's child by a restart.
async fn circle() -> Circle {
    let (system, probe) = (System::new("test"), Probe::default());
    let noted = probe.clone();
    let make = move || Between(noted.clone());
    let between = system.spawn("between", Options::default(), make);
    between.started().await.unwrap();
    let noted = probe.clone();
    let above = system.spawn("above", Options::default(), move || Above(noted.clone()));
    above.started().await.unwrap();
    let parent: Address<Parent> = system.find("above/parent").unwrap();
    parent.started().await.unwrap();
    let child: Address<Child> = system.find("above/parent/child").unwrap();
    child.started().await.unwrap();
    between.restart().await.unwrap();
    assert_eq!(parent.snapshot().dependencies, ["between"]);
    assert_eq!(between.snapshot().dependencies, ["above/parent/child"]);
    assert_eq!(probe.take(), ["between"]);
    Circle { system, probe, above, parent, between, child }
}

#[tokio::test(start_paused = true)]
async fn at_a_shutdown_the_tree_gives_way() {
    let Circle { system, probe, .. } = circle().await;
    let report = system.shutdown(Duration::from_secs(60)).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.took, Duration::ZERO);
    // The parent takes its child along; those outside keep their order.
    let order = ["parent", "between", "above"];
    let noted = probe.take();
    let place = |name| noted.iter().position(|noted| noted == name).unwrap();
    assert!(order.map(place).is_sorted(), "{noted:?}");
    assert_eq!(noted.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn any_of_them_can_be_stopped_alone() {
    for which in ["above", "parent", "between", "child"] {
        let circle = circle().await;
        let stopping = match which {
            "above" => circle.above.stop(),
            "parent" => circle.parent.stop(),
            "between" => circle.between.stop(),
            _ => circle.child.stop(),
        };
        let end = tokio::time::timeout(Duration::from_secs(60), stopping).await;
        assert!(matches!(end, Ok(Exit::Stopped)), "{which}");
        assert_eq!(circle.child.lifecycle(), State::Stopped, "{which}");
    }
}

/// The child depends on the one between, which depends on the parent.
#[tokio::test(start_paused = true)]
async fn a_child_may_depend_on_what_depends_on_its_parent() {
    for which in ["parent", "between", "child", "system"] {
        let (system, probe) = (System::new("test"), Probe::default());
        let noted = probe.clone();
        let root = system.spawn("root", Options::default(), move || Root(noted.clone(), None));
        root.started().await.unwrap();
        let noted = probe.clone();
        let options = Options::default().depends_on(&root);
        let between = system.spawn("between", options, move || Child(noted.clone()));
        between.started().await.unwrap();
        let child = root.ask(Spawn(between.clone())).await.unwrap();
        child.started().await.unwrap();
        let limit = Duration::from_secs(60);
        let end = match which {
            "parent" => tokio::time::timeout(limit, root.stop()).await.is_ok(),
            "between" => tokio::time::timeout(limit, between.stop()).await.is_ok(),
            "child" => tokio::time::timeout(limit, child.stop()).await.is_ok(),
            _ => system.shutdown(limit).await.is_clean(),
        };
        assert!(end, "{which}");
        assert_eq!(child.lifecycle(), State::Stopped, "{which}");
    }
}

struct Root(Probe, Option<Address<Child>>);
struct Spawn(Address<Child>);

#[actor]
impl Root {
    #[handler]
    fn spawn(&mut self, m: Spawn, ctx: &mut Context<Self>) -> Address<Child> {
        let probe = self.0.clone();
        let options = Options::default().depends_on(&m.0);
        let child = ctx.spawn_child("child", options, move || Child(probe.clone()));
        self.1.insert(child).clone()
    }
}
