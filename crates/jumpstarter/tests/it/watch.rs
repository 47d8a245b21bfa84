//! Death watch, and the urgent lane that it uses.

use jumpstarter::{Address, Context, Event, Exit, Options, System, Terminated, actor};

use crate::probe::Probe;

struct Mortal;

struct Boom;

#[actor]
impl Mortal {
    #[handler]
    fn boom(&mut self, _m: Boom) {
        panic!("boom");
    }
}

struct Watcher {
    probe: Probe,
}

enum Look {
    At(Address<Mortal>),
    Away(Address<Mortal>),
}
struct Work(u32);
struct Restart;

#[actor]
impl Watcher {
    #[handler]
    fn look(&mut self, m: Look, ctx: &mut Context<Self>) {
        match m {
            Look::At(address) => ctx.watch(&address),
            Look::Away(address) => ctx.unwatch(&address),
        }
    }

    #[handler]
    fn terminated(&mut self, m: Terminated) {
        let how = match m.exit {
            Exit::Stopped => "stopped".to_owned(),
            Exit::Crashed(crash) => format!("crashed ({crash})"),
            other => format!("{other:?}"),
        };
        self.probe.note(format!("{} {how}", m.path));
    }

    #[handler]
    async fn work(&mut self, m: Work) {
        self.probe.note(format!("work {}", m.0));
    }

    #[handler]
    fn restart(&mut self, _m: Restart, ctx: &mut Context<Self>) {
        ctx.restart_self();
    }
}

fn watcher(system: &System, options: Options) -> (Address<Watcher>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    (system.spawn("watcher", options, move || Watcher { probe: noted.clone() }), probe)
}

fn mortal(system: &System, name: &str) -> Address<Mortal> {
    let once = Options::default().intensity(1, std::time::Duration::from_secs(60));
    system.spawn(name, once, || Mortal)
}

#[tokio::test(start_paused = true)]
async fn the_end_of_another_actor_is_told_once_and_a_restart_is_no_end() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default());
    let (stopping, crashing) = (mortal(&system, "stopping"), mortal(&system, "crashing"));
    for address in [&stopping, &crashing, &crashing] {
        watcher.ask(Look::At(address.clone())).await.unwrap();
    }
    stopping.stop().await;
    watcher.ask(Work(1)).await.unwrap();
    assert_eq!(probe.take(), ["stopping stopped", "work 1"]);
    crashing.tell(Boom).await.unwrap();
    while crashing.snapshot().restarts == 0 {
        tokio::task::yield_now().await;
    }
    watcher.ask(Work(2)).await.unwrap();
    crashing.tell(Boom).await.unwrap();
    crashing.stopped().await;
    watcher.ask(Work(3)).await.unwrap();
    assert_eq!(probe.take(), ["work 2", "crashing crashed (panicked: boom)", "work 3"]);
}

#[tokio::test]
async fn one_that_has_ended_already_is_told_of_at_once() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default());
    let gone = mortal(&system, "gone");
    gone.kill().await;
    watcher.ask(Look::At(gone.clone())).await.unwrap();
    watcher.ask(Work(1)).await.unwrap();
    assert_eq!(probe.take(), ["gone Killed", "work 1"]);
}

#[tokio::test]
async fn unwatch_takes_it_back() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default());
    let mortal = mortal(&system, "mortal");
    watcher.ask(Look::At(mortal.clone())).await.unwrap();
    watcher.ask(Look::Away(mortal.clone())).await.unwrap();
    mortal.stop().await;
    watcher.ask(Work(1)).await.unwrap();
    assert_eq!(probe.take(), ["work 1"]);
}

#[tokio::test]
async fn a_watch_outlives_the_restart_of_the_watcher() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default());
    let mortal = mortal(&system, "mortal");
    watcher.ask(Look::At(mortal.clone())).await.unwrap();
    watcher.ask(Restart).await.unwrap();
    watcher.ask(Work(1)).await.unwrap();
    assert_eq!(watcher.snapshot().restarts, 1);
    mortal.stop().await;
    watcher.ask(Work(2)).await.unwrap();
    assert_eq!(probe.take(), ["work 1", "mortal stopped", "work 2"]);
}

#[tokio::test]
async fn it_overtakes_a_thousand_messages_and_needs_no_room() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default().mailbox(1000));
    let mortal = mortal(&system, "mortal");
    watcher.ask(Look::At(mortal.clone())).await.unwrap();
    watcher.pause().await.unwrap();
    for n in 0..1000 {
        watcher.try_tell(Work(n)).unwrap();
    }
    assert!(watcher.try_tell(Work(1000)).is_err(), "the mailbox is full");
    mortal.stop().await;
    watcher.resume().await.unwrap();
    watcher.stop().await;
    let noted = probe.take();
    assert_eq!(noted.len(), 1001);
    assert_eq!(noted[0], "mortal stopped");
    assert_eq!(noted[1..3], ["work 0", "work 1"]);
}

#[tokio::test]
async fn it_overtakes_what_the_actor_has_in_hand_already() {
    let system = System::new("test");
    let (watcher, probe) = watcher(&system, Options::default());
    let mortal = mortal(&system, "mortal");
    watcher.ask(Look::At(mortal.clone())).await.unwrap();
    for n in 0..1000 {
        watcher.try_tell(Work(n)).unwrap();
    }
    // The batch is taken now; it lets others run after 128 messages.
    let stopped = mortal.stop();
    watcher.ask(Work(1000)).await.unwrap();
    stopped.await;
    let noted = probe.take();
    let place = noted.iter().position(|noted| noted == "mortal stopped").unwrap();
    assert!(place < 200, "after {place} messages");
}

#[tokio::test]
async fn what_nobody_hears_is_a_dead_letter() {
    let system = System::new("test");
    let mut events = system.events();
    let (watcher, _probe) = watcher(&system, Options::default());
    let mortal = mortal(&system, "mortal");
    watcher.ask(Look::At(mortal.clone())).await.unwrap();
    // Both stops are under way before either actor runs again.
    let (first, second) = (watcher.stop_now(), mortal.stop());
    first.await;
    second.await;
    assert_eq!(system.dead_letters(), 1);
    let letters = std::iter::from_fn(|| events.try_next())
        .filter(|event| matches!(event, Event::DeadLetter { message, .. } if message.ends_with("Terminated")));
    assert_eq!(letters.count(), 1);
}
