//! The charts: the tables of the lifecycle and its regions as the specification
//! has them, and restarts where the chart allows them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::chart::{ChartState, ChartTrigger, StateNode};
use jumpstarter::lifecycle::next;
use jumpstarter::{
    Address, Backoff, Context, Lifecycle, Options, Refused, RestartRegion, State, Statechart,
    System, TaskState, Trigger, actor, lifecycle,
};
use tokio::sync::Notify;

/// A line for each trigger, a column for each state: where it leads, or `.`.
fn matrix<C: Statechart>(code: impl Fn(C::State) -> &'static str) -> String {
    let mut text = String::from("                   ");
    for state in C::State::ALL {
        text.extend([" ", code(*state)]);
    }
    for trigger in C::Trigger::ALL {
        text.push_str(&format!("\n{:<19}", trigger.name()));
        for state in C::State::ALL {
            match C::next(*state, *trigger) {
                Ok(to) => text.extend([" ", code(to)]),
                Err(refused) => {
                    assert_eq!(refused.to_string(), format!("{trigger} while {state}"));
                    assert_eq!((refused.trigger, refused.state), (trigger.name(), state.path()));
                    assert_eq!(refused.condition, None);
                    text.push_str(" . ");
                }
            }
        }
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn code(state: State) -> &'static str {
    match state {
        State::Initializing => "in",
        State::Initialized => "id",
        State::Starting => "st",
        State::DependenciesStarted => "ds",
        State::ResourcesAcquired => "ra",
        State::TasksStarted => "ts",
        State::Healthy => "he",
        State::Degraded => "de",
        State::Unhealthy => "un",
        State::Paused => "pa",
        State::Stopping => "sp",
        State::TasksStopped => "tt",
        State::ResourcesReleased => "rr",
        State::DependenciesStopped => "dd",
        State::Stopped => "sd",
        State::Crashed => "cr",
    }
}

#[test]
fn the_lifecycle_is_that_of_the_specification() {
    let expected = "in id st ds ra ts he de un pa sp tt rr dd sd cr
initialize          id .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
start               st st .  .  .  .  .  .  .  .  .  .  .  .  st st
dependencies_start  .  .  ds .  .  .  .  .  .  .  .  .  .  .  .  .
resources_acquire   .  .  .  ra .  .  .  .  .  .  .  .  .  .  .  .
tasks_start         .  .  .  .  ts .  .  .  .  .  .  .  .  .  .  .
run                 .  .  .  .  .  he .  .  .  .  .  .  .  .  .  .
pause               .  .  .  .  .  .  pa pa pa .  .  .  .  .  .  .
resume              .  .  .  .  .  .  .  .  .  he .  .  .  .  .  .
stop                sp sp sp sp sp sp sp sp sp sp .  .  .  .  .  sp
tasks_stop          .  .  .  .  .  .  .  .  .  .  tt .  .  .  .  .
resources_release   .  .  .  .  .  .  .  .  .  .  .  rr .  .  .  .
dependencies_stop   .  .  .  .  .  .  .  .  .  .  .  .  dd .  .  .
finish              .  .  .  .  .  .  .  .  .  .  .  .  .  sd .  .
report_warning      .  .  .  .  .  .  de .  de .  .  .  .  .  .  .
report_problem      .  .  .  .  .  .  un un .  .  .  .  .  .  .  .
recover             .  .  .  .  .  .  .  he he .  .  .  .  .  .  .
report_error        cr cr cr cr cr cr cr cr cr cr cr cr cr cr cr cr
restart             .  .  .  .  .  .  sp sp sp sp .  .  .  .  .  st";
    assert_eq!(matrix::<Lifecycle>(code), expected);
}

/// A region, taken for a chart of its own.
enum Restart {}
enum Task {}

impl Statechart for Restart {
    type State = RestartRegion;
    type Trigger = lifecycle::restart::Trigger;
    const CHART: &'static jumpstarter::chart::Chart = &lifecycle::restart::CHART;

    fn next(state: Self::State, trigger: Self::Trigger) -> Result<Self::State, Refused> {
        lifecycle::restart::next(state, trigger)
    }
}

impl Statechart for Task {
    type State = TaskState;
    type Trigger = lifecycle::task::Trigger;
    const CHART: &'static jumpstarter::chart::Chart = &lifecycle::task::CHART;

    fn next(state: Self::State, trigger: Self::Trigger) -> Result<Self::State, Refused> {
        lifecycle::task::next(state, trigger)
    }
}

#[test]
fn the_regions_are_those_of_the_specification() {
    let restart = "ig sp st re
restart             sp .  sp sp
stop                .  st .  .
start               .  .  re .
give_up             .  ig ig .";
    let code = |state| match state {
        RestartRegion::Ignore => "ig",
        RestartRegion::Stopping => "sp",
        RestartRegion::Starting => "st",
        RestartRegion::Restarted => "re",
    };
    assert_eq!(matrix::<Restart>(code), restart);
    let task = "in ru su fa cr re
start               ru .  .  .  .  .
go_on               .  .  .  .  .  ru
succeed             .  su .  .  .  su
fail                .  fa .  .  .  fa
crash               .  cr .  .  .  cr
retry               .  re .  .  .  re";
    let code = |state| match state {
        TaskState::Initialized => "in",
        TaskState::Running => "ru",
        TaskState::Succeeded => "su",
        TaskState::Failed => "fa",
        TaskState::Crashed => "cr",
        TaskState::Retrying => "re",
    };
    assert_eq!(matrix::<Task>(code), task);
    assert_eq!(TaskState::Crashed.path(), "failed.crashed");
    assert_eq!(RestartRegion::Stopping.path(), "restarting.stopping");
}

#[test]
fn the_chart_as_data_tells_the_same_as_the_table() {
    let chart = Lifecycle::CHART;
    let at = |path: &str| chart.states.iter().position(|state| state.path == path).unwrap();
    let inside = |index: usize, of: usize| {
        std::iter::successors(Some(index), |at| chart.states[*at].parent).any(|at| at == of)
    };
    let entered = |to: usize| {
        let initial = |at: &usize| {
            let is_next = |(_, it): &(usize, &StateNode)| it.initial && it.parent == Some(*at);
            let inner = chart.states.iter().enumerate().find(is_next);
            inner.filter(|_| !chart.states[*at].resting).map(|(inner, _)| inner)
        };
        std::iter::successors(Some(to), initial).last().unwrap()
    };
    for state in State::ALL {
        for trigger in Trigger::ALL {
            let from = at(state.path());
            let mut arrows = chart.arrows.iter().filter(|arrow| {
                let leaves = match chart.states[arrow.from].resting {
                    true => arrow.from == from,
                    false => inside(from, arrow.from),
                };
                arrow.trigger == trigger.name() && leaves
            });
            let drawn = arrows.next().map(|arrow| chart.states[entered(arrow.to)].path);
            assert_eq!(drawn, next(state, trigger).ok().map(State::path), "{trigger} in {state}");
            assert!(arrows.next().is_none());
        }
    }
    let regions: Vec<_> = chart.regions.iter().map(|it| (it.chart.name, it.many)).collect();
    assert_eq!(regions, [("restart", false), ("task", true)]);
    assert_eq!(chart.states.iter().filter(|state| state.resting).count(), State::ALL.len());
}

/// Waits at one step of its life.
struct Stepper {
    waits_at: &'static str,
    gate: Arc<Notify>,
}

struct Health(&'static str);
struct Wait;

#[actor]
impl Stepper {
    #[resource]
    async fn lock(&self) -> Result<(), String> {
        self.step("acquire").await;
        Ok(())
    }

    #[started]
    async fn started(&mut self) {
        self.step("started").await;
    }

    #[stopped]
    async fn stopped(&mut self) {
        self.step("stopped").await;
    }

    #[handler]
    async fn wait(&mut self, _m: Wait) {
        self.step("wait").await;
    }

    #[handler]
    fn health(&mut self, m: Health, ctx: &mut Context<Self>) -> Result<(), Refused> {
        match m.0 {
            "warning" => return ctx.report_warning(),
            "problem" => return ctx.report_problem(),
            "fine" => {}
            error => ctx.report_error(error),
        }
        Ok(())
    }
}

impl Stepper {
    async fn step(&self, name: &str) {
        if self.waits_at == name {
            self.gate.notified().await;
        }
    }
}

fn stepper(system: &System, waits_at: &'static str) -> (Address<Stepper>, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let own = Arc::clone(&gate);
    let hour = Duration::from_secs(3600);
    let options = Options::default().backoff(Backoff { first: hour, max: hour });
    let make = move || Stepper { waits_at, gate: Arc::clone(&own) };
    (system.spawn("stepper", options, make), gate)
}

async fn reaches(actor: &Address<Stepper>, state: State) {
    while actor.lifecycle() != state {
        tokio::task::yield_now().await;
    }
}

async fn restarts(actor: &Address<Stepper>, times: u32) {
    while actor.snapshot().restart != RestartRegion::Restarted || actor.snapshot().restarts != times
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(actor.lifecycle(), State::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_allowed_where_the_chart_says_and_twice_in_a_row() {
    for (state, report) in [
        (State::Healthy, "fine"),
        (State::Degraded, "warning"),
        (State::Unhealthy, "problem"),
        (State::Paused, "pause"),
    ] {
        let system = System::new("test");
        let (actor, _gate) = stepper(&system, "nowhere");
        actor.started().await.unwrap();
        for times in [1, 2] {
            match state {
                State::Paused => actor.pause().await.unwrap(),
                _ => actor.ask(Health(report)).await.unwrap().unwrap(),
            }
            assert_eq!(actor.lifecycle(), state);
            actor.restart().await.unwrap();
            restarts(&actor, times).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_cuts_the_wait_after_a_crash_short() {
    let system = System::new("test");
    let (actor, _gate) = stepper(&system, "nowhere");
    actor.tell(Health("first")).await.unwrap();
    restarts(&actor, 1).await;
    for times in [2, 3] {
        actor.tell(Health("waits for an hour")).await.unwrap();
        while actor.snapshot().restart != RestartRegion::Stopping {
            tokio::task::yield_now().await;
        }
        assert_eq!(actor.lifecycle(), State::Crashed);
        actor.restart().await.unwrap();
        restarts(&actor, times).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_refused_elsewhere_and_changes_nothing() {
    let system = System::new("test");
    let refused = |actor: &Address<Stepper>, state: State| {
        let answer = actor.restart().now_or_never().unwrap();
        let refused = answer.unwrap_err().refused().unwrap();
        assert_eq!((refused.trigger, refused.state), ("restart", state.path()));
        let snapshot = actor.snapshot();
        assert_eq!((snapshot.state.state(), snapshot.restart), (state, RestartRegion::Ignore));
        assert_eq!(snapshot.restarts, 0);
    };

    let (actor, _gate) = stepper(&system, "started");
    refused(&actor, State::Initializing);
    reaches(&actor, State::TasksStarted).await;
    refused(&actor, State::TasksStarted);
    let dependent: Address<Stepper> =
        system.spawn("dependent", Options::default().depends_on(&actor), || panic!("not reached"));
    refused(&dependent, State::Initializing);

    let (acquiring, _gate) = stepper(&system, "acquire");
    reaches(&acquiring, State::DependenciesStarted).await;
    refused(&acquiring, State::DependenciesStarted);

    let (draining, gate) = stepper(&system, "wait");
    draining.started().await.unwrap();
    draining.tell(Wait).await.unwrap();
    let end = draining.stop();
    reaches(&draining, State::Stopping).await;
    refused(&draining, State::Stopping);
    gate.notify_one();
    end.await;
    refused(&draining, State::Stopped);

    let (stopping, gate) = stepper(&system, "stopped");
    stopping.started().await.unwrap();
    let end = stopping.stop();
    reaches(&stopping, State::TasksStopped).await;
    refused(&stopping, State::TasksStopped);
    gate.notify_one();
    end.await;
    assert_eq!(stopping.lifecycle(), State::Stopped);
}
