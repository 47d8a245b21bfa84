//! Actors that wait for each other's start: those that are found by name and come
//! later, and those that would wait forever.

use std::time::Duration;

use jumpstarter::{
    Address, Context, DEFAULT_NAMED_WAIT, Dependency, Options, StartError, StartFailure, State,
    System, actor,
};
use tokio::time::Instant;

struct Shop;

#[actor]
impl Shop {}

/// Needs a shop, wherever that is.
struct Customer {
    optional: bool,
    patience: Option<Duration>,
}

struct HasShop;

#[actor]
impl Customer {
    #[depends_on]
    fn shop(&self) -> Dependency<Shop> {
        let shop = Dependency::named("shop");
        let shop = if self.optional { shop.optional() } else { shop };
        match self.patience {
            Some(limit) => shop.within(limit),
            None => shop,
        }
    }

    #[handler]
    fn has_shop(&mut self, _m: HasShop, ctx: &Context<Self>) -> bool {
        ctx.dependency::<Shop>().is_some()
    }
}

fn customer(system: &System, optional: bool, patience: Option<Duration>) -> Address<Customer> {
    system.spawn("customer", Options::default(), move || Customer { optional, patience })
}

async fn is_waiting(actor: &Address<Customer>) {
    while actor.lifecycle() != State::Starting {
        tokio::task::yield_now().await;
    }
    // All that can be done without the clock is done.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(actor.lifecycle(), State::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_name_may_be_taken_a_moment_later() {
    let system = System::new("test");
    let customer = customer(&system, false, None);
    is_waiting(&customer).await;
    // Somebody else changes nothing.
    system.spawn("baker", Options::default(), || Shop).started().await.unwrap();
    is_waiting(&customer).await;
    let before = Instant::now();
    let shop = system.spawn("shop", Options::default(), || Shop);
    assert_eq!(customer.ask(HasShop).await, Ok(true));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(customer.snapshot().dependencies, ["shop"]);
    assert!(shop.state().is_started());
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_name_has_an_end_that_names_it() {
    for patience in [None, Some(Duration::from_secs(60)), Some(Duration::ZERO)] {
        let system = System::new("test");
        let before = Instant::now();
        let error = customer(&system, false, patience).started().await.unwrap_err();
        let limit = patience.unwrap_or(DEFAULT_NAMED_WAIT);
        assert_eq!(before.elapsed(), limit);
        let crash = error.crash.unwrap();
        let failure = crash.error.downcast_ref::<StartFailure>().unwrap();
        let StartFailure::Missing { type_name, path, waited } = failure else { panic!("{crash}") };
        assert_eq!((*type_name, path.as_deref()), ("it::starting::Shop", Some("shop")));
        assert_eq!(*waited, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn an_optional_name_is_waited_for_if_asked_to() {
    let system = System::new("test");
    let before = Instant::now();
    assert_eq!(customer(&system, true, None).ask(HasShop).await, Ok(false));
    assert_eq!(before.elapsed(), Duration::ZERO);
    let patient = customer(&system, true, Some(Duration::from_secs(7)));
    assert_eq!(patient.ask(HasShop).await, Ok(false));
    assert_eq!(before.elapsed(), Duration::from_secs(7));
    let lucky = customer(&system, true, Some(Duration::from_secs(7)));
    is_waiting(&lucky).await;
    system.spawn("shop", Options::default(), || Shop);
    assert_eq!(lucky.ask(HasShop).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_a_name() {
    let system = System::new("test");
    let customer = customer(&system, false, Some(Duration::from_secs(3600)));
    is_waiting(&customer).await;
    let before = Instant::now();
    customer.stop().await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_late_and_is_of_another_type_is_named() {
    let system = System::new("test");
    let first = customer(&system, false, None);
    is_waiting(&first).await;
    system.spawn("shop", Options::default(), || Customer { optional: true, patience: None });
    let error = first.started().await.unwrap_err().to_string();
    assert!(error.ends_with("at shop is a it::starting::Customer, not a it::starting::Shop"));
}

/// What a parent does with its child during its own start.
#[derive(Clone, Copy)]
enum Way {
    /// The child depends on the parent.
    Child,
    /// The child depends on another actor, which depends on the parent.
    Detour,
    /// The child awaits the parent in its own `#[started]`.
    Mutual,
    /// The child depends on nobody.
    Straight,
    /// The parent awaits itself.
    Itself,
}

struct Parent {
    way: Way,
    heard: Option<Result<(), StartError>>,
}

struct Heard;

#[actor]
impl Parent {
    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) {
        let own = ctx.address();
        let awaits = matches!(self.way, Way::Mutual).then(|| own.clone());
        let mut options = Options::default();
        match self.way {
            Way::Child => options = options.depends_on(&own),
            Way::Detour => {
                let between = Options::default().depends_on(&own);
                let between = ctx.system().spawn("between", between, || Shop);
                options = options.depends_on(&between);
            }
            Way::Itself => {
                self.heard = Some(own.started().await);
                return;
            }
            Way::Mutual | Way::Straight => {}
        }
        let child = ctx.spawn_child("child", options, move || Child { awaits: awaits.clone() });
        self.heard = Some(child.started().await);
    }

    #[handler]
    fn heard(&mut self, _m: Heard) -> Option<Result<(), StartError>> {
        self.heard.clone()
    }
}

struct Child {
    awaits: Option<Address<Parent>>,
}

#[actor]
impl Child {
    #[started]
    async fn begin(&mut self) -> Result<(), StartError> {
        match self.awaits.take() {
            Some(parent) => parent.started().await,
            None => Ok(()),
        }
    }
}

async fn heard(system: &System, way: Way) -> Result<(), StartError> {
    let parent = system.spawn("parent", Options::default(), move || Parent { way, heard: None });
    // Whatever happens to the child: the parent starts.
    parent.ask(Heard).await.unwrap().unwrap()
}

#[tokio::test]
async fn who_awaits_a_child_that_waits_for_it_gets_the_circle() {
    let circle =
        |types: &str| format!("dependencies form a cycle: {types}").replace('~', "it::starting::");
    for (way, types) in [
        (Way::Child, "~Child > ~Parent > ~Child"),
        (Way::Detour, "~Child > it::starting::Shop > ~Parent > ~Child"),
        (Way::Mutual, "~Child > ~Parent > ~Child"),
        (Way::Itself, "~Parent > ~Parent"),
    ] {
        let system = System::new("test");
        let error = heard(&system, way).await.unwrap_err();
        assert!(error.to_string().ends_with(&circle(types)), "{error}");
        let crash = error.crash.unwrap();
        // There the child's own code got it, and passed it on.
        let error = match crash.error.downcast_ref::<StartError>() {
            Some(passed_on) => &passed_on.crash.as_ref().unwrap().error,
            None => &crash.error,
        };
        assert!(matches!(error.downcast_ref(), Some(StartFailure::Cycle { .. })), "{error}");
    }
}

#[tokio::test]
async fn who_awaits_another_child_gets_it() {
    let system = System::new("test");
    heard(&system, Way::Straight).await.unwrap();
    // Nothing is left of it: the child may wait for the parent from now on.
    let parent = system.find::<Parent>("parent").unwrap();
    let late = Options::default().depends_on(&parent);
    system.spawn("late", late, || Shop).started().await.unwrap();
}

/// Two that await each other: one at its start, the other depends on it already.
#[tokio::test]
async fn one_that_was_linked_before_is_found_as_well() {
    let system = System::new("test");
    let (tell, hear) = tokio::sync::oneshot::channel();
    let mut hear = Some(hear);
    let waiter = system.spawn("waiter", Options::default(), move || Waiter { other: hear.take() });
    let options = Options::default().depends_on(&waiter);
    let other = system.spawn("other", options, || Shop);
    while other.lifecycle() != State::Starting {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    tell.send(other.clone()).unwrap();
    let error = waiter.started().await.unwrap_err().to_string();
    assert!(error.contains("it::starting::Waiter > it::starting::Shop > it::starting::Waiter"));
    assert!(other.started().await.is_err());
}

struct Waiter {
    other: Option<tokio::sync::oneshot::Receiver<Address<Shop>>>,
}

#[actor]
impl Waiter {
    #[started]
    async fn begin(&mut self) -> Result<(), StartError> {
        match self.other.take() {
            Some(other) => other.await.unwrap().started().await,
            None => Ok(()),
        }
    }
}
