//! Hooks: their order, what they are told, what they can forbid, and how they
//! fail.

use jumpstarter::{
    Address, Context, ControlError, Exit, Options, Refused, RestartPolicy, State, System,
    Transition, actor,
};
use tokio::sync::oneshot;

use crate::probe::Probe;

struct Watched {
    probe: Probe,
    healthy_only: bool,
}

enum Do {
    Warn,
    Break,
    Panic,
    Fail,
}

#[actor]
impl Watched {
    #[handler]
    fn act(&mut self, m: Do, ctx: &mut Context<Self>) -> Vec<Result<(), Refused>> {
        match m {
            Do::Warn => {
                let reports = vec![ctx.report_warning(), ctx.report_warning()];
                self.probe.note(format!("handler ends in {}", ctx.lifecycle()));
                reports
            }
            Do::Break => vec![ctx.report_warning(), ctx.report_problem()],
            Do::Panic => panic!("fell over"),
            Do::Fail => {
                ctx.report_error("out of order");
                Vec::new()
            }
        }
    }

    #[finalize]
    fn finalize(&mut self, e: &Transition<'_>) {
        self.probe.note(format!("finalize {}", e.trigger));
    }

    #[after(report_warning, report_problem)]
    async fn after(&mut self, e: &Transition<'_>, ctx: &mut Context<Self>) {
        tokio::task::yield_now().await;
        self.probe.note(format!("after {} in {}", e.trigger, ctx.lifecycle()));
    }

    #[on_enter(started.running.{degraded, unhealthy})]
    fn enter_ill(&mut self, e: &Transition<'_>) {
        self.probe.note(format!("enter {} from {}", e.to, e.from));
    }

    #[on_enter(started.running)]
    fn enter_running(&mut self) {
        self.probe.note("enter running");
    }

    #[on_enter(started)]
    async fn enter_started(&mut self, ctx: &mut Context<Self>) {
        self.probe.note(format!("enter started in {}", ctx.lifecycle()));
    }

    #[on_exit(started)]
    fn exit_started(&mut self) {
        self.probe.note("exit started");
    }

    #[on_exit(started.running, started.running.healthy)]
    fn exit(&mut self, e: &Transition<'_>, ctx: &Context<Self>) {
        self.probe.note(format!("exit for {} in {}", e.to, ctx.lifecycle()));
    }

    #[on_enter(crashed)]
    fn enter_crashed(&mut self, e: &Transition<'_>) {
        let error = e.error.map(ToString::to_string).unwrap_or_default();
        self.probe.note(format!("enter crashed: {error}"));
    }

    #[before]
    fn before(&mut self, e: &Transition<'_>) {
        self.probe.note(format!("before {}", e.trigger));
    }

    #[condition(pause, report_problem)]
    async fn nothing_urgent(&mut self, e: &Transition<'_>) -> bool {
        self.probe.note(format!("condition for {}", e.trigger));
        !self.healthy_only
    }

    #[prepare(report_warning, pause)]
    fn prepare(&mut self, e: &Transition<'_>) {
        self.probe.note(format!("prepare {}", e.trigger));
    }
}

fn watched(system: &System, healthy_only: bool) -> (Address<Watched>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Watched { probe: noted.clone(), healthy_only };
    (system.spawn("watched", Options::default(), make), probe)
}

#[tokio::test]
async fn they_come_in_their_order_and_states_outer_to_inner() {
    let system = System::new("test");
    let (watched, probe) = watched(&system, false);
    watched.started().await.unwrap();
    // The hooks of the last step may still be under way.
    watched.ask(Do::Warn).await.unwrap();
    watched.pause().await.unwrap();
    let noted = probe.take();
    let start: Vec<&str> = noted.iter().map(String::as_str).take(17).collect();
    let expected = [
        "before initialize",
        "finalize initialize",
        "before start",
        "finalize start",
        "before dependencies_start",
        "finalize dependencies_start",
        "before resources_acquire",
        "finalize resources_acquire",
        "before tasks_start",
        "finalize tasks_start",
        "before run",
        "enter started in started.running.healthy",
        "enter running",
        "finalize run",
        "handler ends in started.running.healthy",
        "prepare report_warning",
        "before report_warning",
    ];
    assert_eq!(start, expected);
    let expected = [
        "exit for started.running.degraded in started.running.healthy",
        "enter started.running.degraded from started.running.healthy",
        "after report_warning in started.running.degraded",
        "finalize report_warning",
        "prepare pause",
        "condition for pause",
        "before pause",
        "exit for started.paused in started.running.degraded",
        "finalize pause",
    ];
    assert_eq!(noted[17..], expected);
    watched.resume().await.unwrap();
    assert_eq!(probe.take(), ["before resume", "enter running", "finalize resume"]);
    assert!(matches!(watched.stop().await, Exit::Stopped));
    let expected = [
        "before stop",
        "exit for stopping in started.running.healthy",
        "exit for stopping in started.running.healthy",
        "exit started",
        "finalize stop",
        "before tasks_stop",
        "finalize tasks_stop",
        "before resources_release",
        "finalize resources_release",
        "before dependencies_stop",
        "finalize dependencies_stop",
        "before finish",
        "finalize finish",
    ];
    assert_eq!(probe.take(), expected);
}

#[tokio::test]
async fn a_condition_forbids_and_is_named() {
    let system = System::new("test");
    let (watched, probe) = watched(&system, true);
    watched.started().await.unwrap();
    watched.ask(Do::Warn).await.unwrap();
    let refused = watched.pause().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "pause while started.running.degraded: `nothing_urgent` does not hold"
    );
    assert_eq!(refused.refused().unwrap().condition, Some("nothing_urgent"));
    assert_eq!(watched.lifecycle(), State::Degraded);
    let noted = probe.take();
    let last: Vec<&str> = noted.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(last, ["finalize pause", "condition for pause", "prepare pause"]);
    assert_eq!(watched.resume().await.unwrap_err().refused().unwrap().condition, None);
    assert_eq!(probe.take(), Vec::<String>::new());
}

#[tokio::test]
async fn reports_are_checked_at_once_and_carried_out_after_the_handler() {
    let system = System::new("test");
    let (watched, _probe) = watched(&system, false);
    let again = "report_warning while started.running.degraded";
    let reports = watched.ask(Do::Warn).await.unwrap();
    assert_eq!(reports[0], Ok(()));
    assert_eq!(reports[1].as_ref().unwrap_err().to_string(), again);
    let reports = watched.ask(Do::Break).await.unwrap();
    assert_eq!(reports[0].as_ref().unwrap_err().to_string(), again);
    assert_eq!(reports[1], Ok(()));
    watched.pause().await.unwrap();
    assert_eq!(watched.lifecycle(), State::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_seen_by_the_old_value_also_after_a_panic() {
    let system = System::new("test");
    let (watched, probe) = watched(&system, false);
    watched.started().await.unwrap();
    for (act, error) in [(Do::Panic, "panicked: fell over"), (Do::Fail, "out of order")] {
        // A pause is answered after the start.
        watched.pause().await.unwrap();
        watched.resume().await.unwrap();
        probe.take();
        // The panic takes the reply with it.
        let _ = watched.ask(act).await;
        watched.started().await.unwrap();
        let expected = [
            "before report_error",
            "exit for crashed in started.running.healthy",
            "exit for crashed in started.running.healthy",
            "exit started",
            &format!("enter crashed: {error}"),
            "finalize report_error",
        ];
        assert_eq!(probe.take()[..6], expected);
    }
    assert_eq!(watched.snapshot().restarts, 2);
}

/// Has hooks that fail.
struct Clumsy {
    probe: Probe,
    fails_at: &'static str,
}

#[actor]
impl Clumsy {
    #[condition(start)]
    fn has_strength(&self) -> bool {
        self.fails_at != "start"
    }

    #[on_enter(started.paused)]
    fn enter_paused(&mut self) -> Result<(), &'static str> {
        match self.fails_at {
            "paused" => Err("no pause for me"),
            "panic" => panic!("no pause at all"),
            _ => Ok(()),
        }
    }

    #[on_enter(stopping)]
    fn enter_stopping(&mut self) -> Result<(), &'static str> {
        if self.fails_at == "stopping" { Err("no stop") } else { Ok(()) }
    }

    #[on_enter(crashed)]
    fn enter_crashed(&mut self) {
        self.probe.note("crashed");
        if self.fails_at == "panic" {
            panic!("not even a crash");
        }
    }

    #[finalize(pause)]
    fn finalize(&mut self) {
        self.probe.note("finalize");
    }
}

#[tokio::test]
async fn a_hook_that_fails_is_a_crash() {
    let cases = [
        ("start", "start while initialized: `has_strength` does not hold", vec!["crashed"]),
        ("paused", "no pause for me", vec!["finalize", "crashed"]),
        ("panic", "panicked: no pause at all", vec!["finalize", "crashed"]),
        ("stopping", "no stop", vec!["crashed"]),
    ];
    for (fails_at, error, expected) in cases {
        let system = System::new("test");
        let probe = Probe::default();
        let noted = probe.clone();
        let make = move || Clumsy { probe: noted.clone(), fails_at };
        let options = Options::default().restart(RestartPolicy::Temporary);
        let clumsy = system.spawn("clumsy", options, make);
        let end = match fails_at {
            "start" => clumsy.stopped().await,
            "stopping" => {
                clumsy.started().await.unwrap();
                clumsy.stop().await
            }
            _ => {
                clumsy.started().await.unwrap();
                let failed = clumsy.pause().await.unwrap_err();
                let text = "pause actor clumsy: a hook failed, and the actor crashes";
                assert_eq!(failed.to_string(), text);
                let source = std::error::Error::source(&failed).unwrap();
                assert_eq!(source.to_string(), error);
                let ControlError::Hook { crash, .. } = failed else { panic!("no hook failed") };
                assert_eq!(crash.to_string(), error);
                clumsy.stopped().await
            }
        };
        let Exit::Crashed(crash) = end else { panic!("{fails_at} is no crash") };
        assert_eq!(crash.to_string(), error);
        assert_eq!(clumsy.lifecycle(), State::Crashed, "{fails_at}");
        assert_eq!(probe.take(), expected, "{fails_at}");
    }
}

struct Busy {
    probe: Probe,
    gate: Option<oneshot::Receiver<()>>,
}

struct Work(u32);

#[actor]
impl Busy {
    #[handler]
    async fn work(&mut self, m: Work) {
        if let Some(gate) = self.gate.take() {
            let _ = gate.await;
        }
        self.probe.note(format!("work {}", m.0));
    }

    #[on_enter(started.paused)]
    fn enter_paused(&mut self) {
        self.probe.note("paused");
    }
}

/// The same hooks on another type, which are for that type only.
struct Neighbour(Probe);

#[actor]
impl Neighbour {
    #[on_enter(started.paused)]
    fn enter_paused(&mut self) {
        self.0.note("paused next door");
    }
}

struct Plain;

#[actor]
impl Plain {}

#[tokio::test]
async fn they_overtake_messages_and_are_for_their_type_only() {
    let system = System::new("test");
    let probe = Probe::default();
    let (open, gate) = oneshot::channel();
    let mut first = Some(gate);
    let noted = probe.clone();
    let make = move || Busy { probe: noted.clone(), gate: first.take() };
    let busy = system.spawn("busy", Options::default(), make);
    let noted = probe.clone();
    let neighbour = system.spawn("neighbour", Options::default(), move || Neighbour(noted.clone()));
    let plain = system.spawn("plain", Options::default(), || Plain);
    for n in 0..3 {
        busy.tell(Work(n)).await.unwrap();
    }
    neighbour.started().await.unwrap();
    busy.started().await.unwrap();
    plain.started().await.unwrap();
    tokio::task::yield_now().await;
    let pause = busy.pause();
    let release = async { open.send(()) };
    let (paused, released) = tokio::join!(pause, release);
    paused.unwrap();
    released.unwrap();
    plain.pause().await.unwrap();
    assert_eq!(probe.take(), ["work 0", "paused"]);
    busy.resume().await.unwrap();
    busy.ask(Work(3)).await.unwrap();
    assert_eq!(probe.take(), ["work 1", "work 2", "work 3"]);
    neighbour.pause().await.unwrap();
    assert_eq!(probe.take(), ["paused next door"]);
}

#[tokio::test]
async fn who_asked_is_told_when_the_actor_ends_instead() {
    let system = System::new("test");
    let (open, gate) = oneshot::channel();
    let mut first = Some(gate);
    let probe = Probe::default();
    let make = move || Busy { probe: probe.clone(), gate: first.take() };
    let busy = system.spawn("busy", Options::default(), make);
    busy.tell(Work(0)).await.unwrap();
    busy.started().await.unwrap();
    tokio::task::yield_now().await;
    let asked = busy.pause();
    let killed = async {
        tokio::task::yield_now().await;
        busy.kill().await
    };
    let (refused, end) = tokio::join!(asked, killed);
    assert_eq!(refused.unwrap_err().to_string(), "pause while stopped");
    assert!(matches!(end, Exit::Killed));
    drop(open);
}

/// Notes the triggers, and which value it is.
struct Reborn {
    probe: Probe,
    life: u32,
}

struct Fall;

#[actor]
impl Reborn {
    #[handler]
    fn fall(&mut self, _m: Fall, ctx: &mut Context<Self>) {
        ctx.report_error("fell");
    }

    #[after]
    fn after(&mut self, e: &Transition<'_>) {
        let steps = ["restart", "start", "stop", "report_error", "initialize"];
        if steps.contains(&e.trigger) {
            self.probe.note(format!("{}: {} > {} by {}", self.life, e.from, e.to, e.trigger));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_are_seen_by_the_old_and_the_new_value() {
    let system = System::new("test");
    let probe = Probe::default();
    let (noted, mut life) = (probe.clone(), 0);
    let reborn = system.spawn("reborn", Options::default(), move || {
        life += 1;
        Reborn { probe: noted.clone(), life }
    });
    reborn.started().await.unwrap();
    reborn.restart().await.unwrap();
    reborn.ask(Fall).await.unwrap();
    reborn.started().await.unwrap();
    reborn.stop().await;
    let expected = [
        "1: initializing > initialized by initialize",
        "1: initialized > starting by start",
        "1: started.running.healthy > stopping by restart",
        "2: stopped > starting by start",
        "2: started.running.healthy > crashed by report_error",
        "3: crashed > starting by restart",
        "3: started.running.healthy > stopping by stop",
    ];
    assert_eq!(probe.take(), expected);
}
