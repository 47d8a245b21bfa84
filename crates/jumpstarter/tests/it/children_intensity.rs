//! The intensity of a supervisor: the restarts of its children, all together.

use std::time::Duration;

use jumpstarter::{
    Address, ChildFailed, Context, Escalated, Exit, Intensity, Options, RestartPolicy, State,
    Strategy, System, actor,
};

const MINUTE: Duration = Duration::from_secs(60);

struct Worker;
struct Boom;
struct Ping;

#[actor]
impl Worker {
    #[handler]
    fn boom(&mut self, _m: Boom) {
        panic!("boom");
    }

    #[handler]
    fn ping(&mut self, _m: Ping) {}
}

struct Boss {
    workers: Vec<Address<Worker>>,
    forgiving: bool,
}

struct Workers;

#[actor]
impl Boss {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        // Each may crash often.
        let options = || Options::default().intensity(100, MINUTE);
        self.workers =
            (0..3).map(|n| ctx.spawn_child(&n.to_string(), options(), || Worker)).collect();
    }

    #[handler]
    fn workers(&mut self, _m: Workers) -> Vec<Address<Worker>> {
        self.workers.clone()
    }

    #[child_failed]
    fn failed(&mut self, failure: ChildFailed) -> Result<(), String> {
        match self.forgiving {
            true => Ok(()),
            false => Err(format!("no more of {}", failure.path)),
        }
    }
}

/// Without `#[child_failed]`.
struct Strict(Vec<Address<Worker>>);

#[actor]
impl Strict {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let options = || Options::default().intensity(100, MINUTE);
        self.0 = (0..3).map(|n| ctx.spawn_child(&n.to_string(), options(), || Worker)).collect();
    }

    #[handler]
    fn workers(&mut self, _m: Workers) -> Vec<Address<Worker>> {
        self.0.clone()
    }
}

fn options(strategy: Strategy) -> Options {
    Options::default()
        .strategy(strategy)
        .children_intensity(3, MINUTE)
        .restart(RestartPolicy::Temporary)
}

async fn crash(worker: &Address<Worker>) {
    worker.tell(Boom).await.unwrap();
    let _ = worker.ask(Ping).await;
}

#[tokio::test(start_paused = true)]
async fn the_crashes_of_all_children_count_together() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let system = System::new("test");
        let strict = system.spawn("strict", options(strategy), || Strict(Vec::new()));
        let workers = strict.ask(Workers).await.unwrap();
        for worker in &workers {
            crash(worker).await;
        }
        assert_eq!(strict.lifecycle(), State::Healthy, "{strategy:?}");
        workers[1].tell(Boom).await.unwrap();
        let Exit::Crashed(crash) = strict.stopped().await else { panic!("{strategy:?}") };
        let escalated = crash.error.downcast_ref::<Escalated>().unwrap();
        assert_eq!(escalated.failure.path, "strict/1");
        let intensity = Intensity { restarts: 3, window: MINUTE };
        assert_eq!(escalated.failure.children_intensity, Some(intensity));
        let text = "more than 3 restarts of children within 60s, the last of strict/1 (";
        assert!(crash.to_string().starts_with(text), "{crash}");
        assert!(workers.iter().all(|worker| worker.is_closed()));
    }
}

#[tokio::test(start_paused = true)]
async fn those_outside_of_the_window_are_forgotten() {
    let system = System::new("test");
    let strict = system.spawn("strict", options(Strategy::OneForOne), || Strict(Vec::new()));
    let workers = strict.ask(Workers).await.unwrap();
    for _ in 0..4 {
        for worker in &workers {
            crash(worker).await;
        }
        tokio::time::sleep(MINUTE).await;
    }
    assert_eq!(strict.lifecycle(), State::Healthy);
    let restarts: Vec<u32> = workers.iter().map(|worker| worker.snapshot().restarts).collect();
    assert_eq!(restarts, [4, 4, 4]);
}

#[tokio::test(start_paused = true)]
async fn restarts_by_request_are_not_counted() {
    let system = System::new("test");
    let strict = system.spawn("strict", options(Strategy::OneForOne), || Strict(Vec::new()));
    let workers = strict.ask(Workers).await.unwrap();
    for _ in 0..9 {
        workers[0].restart().await.unwrap();
    }
    assert_eq!(strict.lifecycle(), State::Healthy);
}

#[tokio::test(start_paused = true)]
async fn child_failed_may_take_care_of_it() {
    for forgiving in [true, false] {
        let system = System::new("test");
        let make = move || Boss { workers: Vec::new(), forgiving };
        let boss = system.spawn("boss", options(Strategy::OneForOne), make);
        let workers = boss.ask(Workers).await.unwrap();
        for worker in &workers {
            crash(worker).await;
        }
        workers[0].tell(Boom).await.unwrap();
        assert!(matches!(workers[0].stopped().await, Exit::Crashed(_)));
        match forgiving {
            true => assert_eq!(workers[1].ask(Ping).await, Ok(())),
            false => assert!(matches!(boss.stopped().await, Exit::Crashed(_))),
        }
    }
}
