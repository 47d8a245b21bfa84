//! Control from outside: what it overtakes, what it answers when it fails.

use std::error::Error;

use jumpstarter::{
    Cause, ControlError, Lifecycle, Options, RestartPolicy, System, Transition, actor, statechart,
};
use tokio::sync::oneshot;

use crate::probe::Probe;

statechart! {
    Playing extends Lifecycle {
        started.running.healthy { initial quiet, loud };
        on swap: started.running.healthy.quiet => started.running.healthy.loud;
        on hush: started.running.healthy.loud => started.running.healthy.quiet;
    }
}

struct Jukebox {
    probe: Probe,
    gate: Option<oneshot::Receiver<()>>,
}

struct Coin(u32);
struct Wait;

#[derive(Debug, thiserror::Error)]
#[error("the needle broke")]
struct Broken;

#[actor(chart = Playing)]
impl Jukebox {
    #[handler]
    fn coin(&mut self, m: Coin, ctx: &jumpstarter::Context<Self>) {
        self.probe.note(format!("coin {} in {}", m.0, ctx.state()));
    }

    #[handler]
    async fn wait(&mut self, _m: Wait) {
        if let Some(gate) = self.gate.take() {
            let _ = gate.await;
        }
    }

    #[on_enter(started.running.healthy.loud)]
    fn turn_up(&mut self, e: &Transition<'_>) -> Result<(), Broken> {
        match e.payload::<&str>() {
            Some(&"too loud") => Err(Broken),
            _ => Ok(()),
        }
    }

    #[finalize(pause)]
    fn note_pause(&mut self) {
        panic!("no note to write on");
    }
}

fn jukebox(system: &System) -> (jumpstarter::Address<Jukebox>, Probe, oneshot::Sender<()>) {
    let probe = Probe::default();
    let (opens, gate) = oneshot::channel();
    let (noted, mut gate) = (probe.clone(), Some(gate));
    let make = move || Jukebox { probe: noted.clone(), gate: gate.take() };
    let options = Options::default().restart(RestartPolicy::Temporary);
    (system.spawn("jukebox", options, make), probe, opens)
}

#[tokio::test]
async fn the_error_of_a_hook_is_given_to_who_fired() {
    let system = System::new("test");
    let (jukebox, ..) = jukebox(&system);
    jukebox.started().await.unwrap();
    let error = jukebox.fire_with(playing::Trigger::Swap, "too loud").await.unwrap_err();
    assert!(error.source().unwrap().is::<Broken>());
    let ControlError::Hook { path, trigger, crash } = error else { panic!("{error}") };
    assert_eq!((path.as_str(), trigger, crash.cause), ("jukebox", "swap", Cause::Error));
    assert!(matches!(jukebox.stopped().await, jumpstarter::Exit::Crashed(_)));
}

#[tokio::test]
async fn so_is_the_panic_of_the_last_hook() {
    let system = System::new("test");
    let (jukebox, ..) = jukebox(&system);
    jukebox.started().await.unwrap();
    let error = jukebox.pause().await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "panicked: no note to write on");
    assert!(matches!(error, ControlError::Hook { trigger: "pause", .. }));
}

#[tokio::test]
async fn a_trigger_overtakes_the_messages_of_its_sender() {
    let system = System::new("test");
    let (jukebox, probe, opens) = jukebox(&system);
    jukebox.started().await.unwrap();
    jukebox.tell(Wait).await.unwrap();
    jukebox.tell(Coin(1)).await.unwrap();
    let (fired, ()) = tokio::join!(jukebox.fire(playing::Trigger::Swap), async {
        opens.send(()).unwrap();
    });
    fired.unwrap();
    jukebox.ask(Coin(2)).await.unwrap();
    let loud = "started.running.healthy.loud";
    assert_eq!(probe.take(), [format!("coin 1 in {loud}"), format!("coin 2 in {loud}")]);
}

/// Fails at each start but the first.
struct Once;

#[actor]
impl Once {}

#[tokio::test(start_paused = true)]
async fn a_restart_is_awaited_and_tells_that_there_is_none() {
    let system = System::new("test");
    let mut lives = 0;
    let once = system.spawn(
        "once",
        Options::default().intensity(1, std::time::Duration::MAX),
        move || {
            lives += 1;
            assert!(lives <= 2, "no third life");
            Once
        },
    );
    once.started().await.unwrap();
    once.restart().await.unwrap();
    assert_eq!(once.snapshot().restarts, 1);
    let error = once.restart().await.unwrap_err();
    assert_eq!(error.to_string(), "restart actor once: it crashed for good");
    assert_eq!(error.source().unwrap().to_string(), "panicked: no third life");
    let refused = once.restart().await.unwrap_err().refused().unwrap();
    assert_eq!((refused.trigger, refused.state), ("restart", "crashed"));
}

#[tokio::test]
async fn a_restart_that_a_stop_prevents_says_so() {
    let system = System::new("test");
    let (jukebox, _probe, opens) = jukebox(&system);
    jukebox.tell(Wait).await.unwrap();
    jukebox.started().await.unwrap();
    let restarting = jukebox.restart();
    let stopping = jukebox.stop();
    opens.send(()).unwrap();
    let error = restarting.await.unwrap_err();
    assert_eq!(error.to_string(), "restart actor jukebox: it was stopped meanwhile");
    assert!(error.source().is_none());
    stopping.await;
}
