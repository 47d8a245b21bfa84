//! States, hooks and their order, health, the event stream, the snapshot.

use std::time::Duration;

use jumpstarter::{
    Address, Context, Event, Events, Exit, Options, RestartRegion, State, System, actor,
};
use tokio::sync::oneshot;

use crate::probe::Probe;

struct Patient {
    probe: Probe,
    fails: bool,
}

enum Report {
    Warning,
    Problem,
    Recovery,
}
struct Examine(Report);
struct SpawnWaiting(oneshot::Sender<&'static str>);
struct Goodbye;

#[actor]
impl Patient {
    #[handler]
    fn examine(&mut self, m: Examine, ctx: &mut Context<Self>) -> Result<(), String> {
        let outcome = match m.0 {
            Report::Warning => ctx.report_warning(),
            Report::Problem => ctx.report_problem(),
            Report::Recovery => ctx.recover(),
        };
        outcome.map_err(|refused| refused.to_string())
    }

    #[handler]
    fn spawn_waiting(&mut self, m: SpawnWaiting, ctx: &Context<Self>) {
        let scope = ctx.scope();
        ctx.spawn(async move {
            scope.cancelled().await;
            let _ = m.0.send("cancelled");
        });
        ctx.spawn(std::future::pending());
    }

    #[handler]
    fn goodbye(&mut self, _m: Goodbye, ctx: &mut Context<Self>) {
        ctx.stop_self();
    }

    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) -> Result<(), &'static str> {
        self.probe.note(format!("begin while {}", ctx.lifecycle()));
        if self.fails { Err("no strength") } else { Ok(()) }
    }

    #[stopped]
    fn end(&mut self, ctx: &mut Context<Self>) {
        self.probe.note(format!("end while {}", ctx.lifecycle()));
    }
}

fn patient(system: &System, fails: bool) -> (Address<Patient>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Patient { probe: noted.clone(), fails };
    (system.spawn("patient", Options::default(), make), probe)
}

pub(crate) fn states(events: &mut Events) -> Vec<String> {
    let all = std::iter::from_fn(|| events.try_next());
    let changes = all.filter_map(|event| match event {
        Event::StateChanged { to, .. } => Some(to.to_string()),
        _ => None,
    });
    changes.collect()
}

#[tokio::test]
async fn a_life_passes_every_state_in_order() {
    let system = System::new("test");
    let mut events = system.events();
    let (patient, probe) = patient(&system, false);
    assert_eq!(patient.lifecycle(), State::Initializing);
    patient.started().await.unwrap();
    assert!(matches!(patient.stop().await, Exit::Stopped));
    assert_eq!(
        states(&mut events),
        [
            "initialized",
            "starting",
            "starting.dependencies_started",
            "starting.resources_acquired",
            "starting.tasks_started",
            "started.running.healthy",
            "stopping",
            "stopping.tasks_stopped",
            "stopping.resources_released",
            "stopping.dependencies_stopped",
            "stopped",
        ]
    );
    let noted = ["begin while starting.tasks_started", "end while stopping.tasks_stopped"];
    assert_eq!(probe.take(), noted);
}

#[tokio::test]
async fn health_is_reported_and_refused() {
    let system = System::new("test");
    let (patient, _probe) = patient(&system, false);
    let examine = async |report| patient.ask(Examine(report)).await.unwrap();
    assert_eq!(examine(Report::Warning).await, Ok(()));
    assert_eq!(patient.lifecycle(), State::Degraded);
    let refused = "report_warning while started.running.degraded".to_owned();
    assert_eq!(examine(Report::Warning).await, Err(refused));
    assert_eq!(examine(Report::Problem).await, Ok(()));
    assert_eq!(patient.lifecycle(), State::Unhealthy);
    assert_eq!(examine(Report::Recovery).await, Ok(()));
    assert_eq!(patient.lifecycle(), State::Healthy);
    let refused = patient.resume().await.unwrap_err();
    assert_eq!(refused.to_string(), "resume while started.running.healthy");
}

#[tokio::test]
async fn a_start_that_fails_is_final_and_says_why() {
    let system = System::new("test");
    let (patient, _probe) = patient(&system, true);
    let error = patient.started().await.unwrap_err();
    assert_eq!(error.to_string(), "start actor patient: no strength");
    assert_eq!(patient.lifecycle(), State::Crashed);
    assert!(matches!(patient.stopped().await, Exit::Crashed(_)));
    assert!(system.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_scope_is_cancelled_and_what_lingers_is_dropped_after_the_grace() {
    let system = System::new("test");
    let (patient, _probe) = patient(&system, false);
    let (tx, rx) = oneshot::channel();
    patient.ask(SpawnWaiting(tx)).await.unwrap();
    assert_eq!(system.snapshot()[0].spawned, 2);
    let before = tokio::time::Instant::now();
    patient.stop().await;
    assert_eq!(rx.await, Ok("cancelled"));
    assert_eq!(before.elapsed(), jumpstarter::DEFAULT_GRACE);
}

#[tokio::test]
async fn an_actor_can_stop_itself() {
    let system = System::new("test");
    let (patient, probe) = patient(&system, false);
    patient.tell(Goodbye).await.unwrap();
    assert!(matches!(patient.stopped().await, Exit::Stopped));
    assert_eq!(probe.take().len(), 2);
}

#[tokio::test]
async fn a_restart_by_request_starts_afresh_and_keeps_the_mailbox() {
    let system = System::new("test");
    let (patient, probe) = patient(&system, false);
    patient.started().await.unwrap();
    patient.restart().await.unwrap();
    assert_eq!(patient.ask(Examine(Report::Warning)).await, Ok(Ok(())));
    assert_eq!(probe.take().len(), 3);
    let snapshot = system.snapshot();
    assert_eq!(snapshot[0].restarts, 1);
    assert_eq!(snapshot[0].restart, RestartRegion::Restarted);
    let configuration = patient.state();
    assert_eq!(configuration.to_string(), "started.running.degraded; restart: restarted");
    assert!(configuration.is_running() && !configuration.is_restarting());
}

#[tokio::test]
async fn a_snapshot_shows_every_actor() {
    let system = System::new("test");
    let (patient, _probe) = patient(&system, false);
    patient.ask(Examine(Report::Warning)).await.unwrap().unwrap();
    patient.pause().await.unwrap();
    patient.try_tell(Goodbye).unwrap();
    tokio::task::yield_now().await;
    let snapshot = system.snapshot();
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json[0]["path"], "patient");
    assert_eq!(json[0]["state"], "started.paused");
    assert_eq!(json[0]["mailbox_depth"], 1);
    assert_eq!(json[0]["mailbox_capacity"], 1024);
    assert_eq!((&json[0]["in_hand"], &json[0]["stashed"]), (&0.into(), &0.into()));
    assert_eq!(json[0]["processed"], 1);
    assert!(system.find::<Patient>("patient").is_some());
    assert_eq!(system.find_type::<Patient>(), Some(patient.clone()));
    patient.resume().await.unwrap();
    patient.stopped().await;
    assert!(system.shutdown(Duration::from_secs(1)).await.is_clean());
}
