//! Charts that extend the lifecycle with sub-states of its leaves.

use jumpstarter::{
    Address, Context, Event, Options, Refused, State, System, Transition, actor, statechart,
};

use crate::probe::Probe;

statechart! {
    /// What a player does while all is well, and while it is paused.
    pub(crate) Playing extends Lifecycle {
        started.running.healthy {
            /// The first track.
            initial a,
            b { initial loud, quiet }
        };
        started.paused { initial short >> long };

        /// Change the track.
        on swap: started.running.healthy.a => started.running.healthy.b;
        on swap: started.running.healthy.b => started.running.healthy.a;
        on hush: started.running.healthy.b.loud => started.running.healthy.b.quiet;
        on wait: started.paused.short => started.paused.long;
    }
}

use jumpstarter::Lifecycle;
use playing::Trigger;

/// Without hooks.
struct Player;

enum Say {
    Swap,
    Warn,
    Recover,
    Fail,
}

#[actor(chart = Playing)]
impl Player {
    #[handler]
    fn say(&mut self, m: Say, ctx: &mut Context<Self>) -> Result<(), Refused> {
        match m {
            Say::Swap => ctx.fire(Playing::Swap),
            Say::Warn => ctx.report_warning(),
            Say::Recover => ctx.recover(),
            Say::Fail => {
                ctx.report_error("scratched");
                Ok(())
            }
        }
    }
}

#[tokio::test]
async fn entering_a_leaf_enters_its_initial_sub_state_and_leaving_clears_it() {
    let system = System::new("test");
    let mut events = system.events();
    let player = system.spawn("player", Options::default(), || Player);
    player.started().await.unwrap();
    let is = |path: &str| assert_eq!(player.state().to_string(), path);
    is("started.running.healthy.a");
    assert_eq!(player.lifecycle(), State::Healthy);
    player.ask(Say::Swap).await.unwrap().unwrap();
    is("started.running.healthy.b.loud");
    assert!(player.state().is_in("started.running.healthy.b"));
    assert!(!player.state().is_in("started.running.healthy.a"));
    let json = serde_json::to_value(player.snapshot()).unwrap();
    assert_eq!(json["state"], "started.running.healthy.b.loud");
    player.fire(Trigger::Hush).await.unwrap();
    is("started.running.healthy.b.quiet");
    let refused = player.fire(Trigger::Hush).await.unwrap_err();
    assert_eq!(refused.to_string(), "hush while started.running.healthy.b.quiet");
    player.ask(Say::Warn).await.unwrap().unwrap();
    is("started.running.degraded");
    let refused = player.ask(Say::Swap).await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "swap while started.running.degraded");
    player.ask(Say::Recover).await.unwrap().unwrap();
    is("started.running.healthy.a");
    player.pause().await.unwrap();
    is("started.paused.short");
    player.fire(Trigger::Wait).await.unwrap();
    is("started.paused.long");
    let refused = player.pause().await.unwrap_err();
    assert_eq!(refused.to_string(), "pause while started.paused.long");
    player.resume().await.unwrap();
    player.ask(Say::Swap).await.unwrap().unwrap();
    player.stop().await;
    is("stopped");
    let changes = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        Event::StateChanged { from, to, .. } => Some(format!("{from} > {to}")),
        _ => None,
    });
    let changes: Vec<String> = changes.collect();
    assert!(changes.contains(&"starting.tasks_started > started.running.healthy.a".to_owned()));
    assert!(changes.contains(&"started.running.healthy.b.loud > stopping".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_crash_clears_the_sub_state() {
    let system = System::new("test");
    let player = system.spawn("player", Options::default(), || Player);
    player.ask(Say::Swap).await.unwrap().unwrap();
    player.ask(Say::Fail).await.unwrap().unwrap();
    player.started().await.unwrap();
    assert!(player.ask(Say::Swap).await.unwrap().is_ok());
    assert_eq!(player.snapshot().restarts, 1);
    assert!(player.state().is_in("started.running.healthy.b"));
}

#[test]
fn the_chart_points_to_the_one_it_extends() {
    let chart = &playing::CHART;
    assert_eq!(chart.extends, Some(&jumpstarter::lifecycle::CHART));
    let paths: Vec<&str> = chart.states.iter().map(|state| state.path).collect();
    let expected = [
        "started.running.healthy.a",
        "started.running.healthy.b",
        "started.running.healthy.b.loud",
        "started.running.healthy.b.quiet",
        "started.paused.short",
        "started.paused.long",
    ];
    assert_eq!(paths, expected);
    assert_eq!(playing::started::running::healthy::b.path(), "started.running.healthy.b");
    assert!(playing::started::running.contains(State::Degraded));
}

/// With hooks.
struct Jukebox(Probe);

#[actor(chart = Playing)]
impl Jukebox {
    #[on_exit(started.running.healthy.a)]
    fn exit_a(&mut self, e: &Transition<'_>) {
        let coin = e.payload::<u32>().copied();
        self.0.note(format!("exit a with {coin:?}"));
    }

    #[on_enter(started.running.healthy.b.loud)]
    fn enter_loud(&mut self, e: &Transition<'_>) {
        self.0.note(format!("enter {} by {}", e.to, e.trigger));
    }

    #[on_enter(started.running.healthy)]
    fn enter_healthy(&mut self) {
        self.0.note("enter healthy");
    }

    #[condition(swap)]
    fn has_coin(&self, e: &Transition<'_>) -> bool {
        e.payload::<u32>().is_some()
    }

    #[before(pause)]
    fn before_pause(&mut self) {
        self.0.note("before pause");
    }
}

#[tokio::test]
async fn hooks_work_on_sub_states_and_get_the_payload() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let jukebox: Address<Jukebox> =
        system.spawn("jukebox", Options::default(), move || Jukebox(noted.clone()));
    jukebox.started().await.unwrap();
    let refused = jukebox.fire(Playing::Swap).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "swap while started.running.healthy.a: `has_coin` does not hold"
    );
    jukebox.fire_with(Playing::Swap, 7_u32).await.unwrap();
    assert_eq!(jukebox.state().to_string(), "started.running.healthy.b.loud");
    jukebox.pause().await.unwrap();
    let expected = [
        "enter healthy",
        "exit a with Some(7)",
        "enter started.running.healthy.b.loud by swap",
        "before pause",
    ];
    assert_eq!(probe.take(), expected);
    assert_eq!(jukebox.state().to_string(), "started.paused.short");
}
