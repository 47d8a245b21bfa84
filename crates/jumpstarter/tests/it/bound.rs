//! Handlers that are bound to states.

use jumpstarter::{
    Address, AskError, Context, DeadLetterReason, Event, Events, Exit, Options, Refused, System,
    actor, statechart,
};

use crate::probe::Probe;

statechart! {
    pub(crate) DoorChart extends Lifecycle {
        started.running.healthy { initial closed, open { initial ajar, wide } };
        on open: started.running.healthy.closed => started.running.healthy.open;
        on push: started.running.healthy.open.ajar => started.running.healthy.open.wide;
        on close: started.running.healthy.open => started.running.healthy.closed;
    }
}

use door_chart::Trigger;
use jumpstarter::Lifecycle;

struct Door(Probe);

struct Knock;
struct Walk(u32);
struct Shout;
enum Turn {
    Open,
    Push,
    Close,
    Break,
    Warn,
}

#[actor(chart = DoorChart)]
impl Door {
    #[handler(in = started.running.healthy.closed)]
    fn knock(&mut self, _m: Knock) -> &'static str {
        "who is there?"
    }

    #[handler(in = started.running.healthy.open)]
    async fn welcome(&mut self, _m: Knock) -> &'static str {
        "come in"
    }

    /// The innermost decides.
    #[handler(in = started.running.healthy.open.wide)]
    fn draught(&mut self, _m: Knock) -> &'static str {
        "close it"
    }

    #[handler]
    fn anything_else(&mut self, _m: Knock) -> &'static str {
        "out of order"
    }

    #[handler(in = started.running.{healthy.open, unhealthy}, otherwise = "stash")]
    fn walk(&mut self, m: Walk, ctx: &mut Context<Self>) {
        self.0.note(format!("walk {}", m.0));
        if m.0 == 2 {
            // Only some get through at a time.
            let _ = ctx.fire(DoorChart::Close);
        }
    }

    #[handler(in = started.running.healthy.open)]
    fn shout(&mut self, _m: Shout) -> u32 {
        1
    }

    #[handler]
    fn turn(&mut self, m: Turn, ctx: &mut Context<Self>) -> Result<(), Refused> {
        match m {
            Turn::Open => ctx.fire(DoorChart::Open),
            Turn::Push => ctx.fire(DoorChart::Push),
            Turn::Close => ctx.fire(DoorChart::Close),
            Turn::Warn => ctx.report_warning(),
            Turn::Break => {
                ctx.report_error("off its hinges");
                Ok(())
            }
        }
    }
}

fn door(system: &System, options: Options) -> (Address<Door>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    (system.spawn("door", options, move || Door(noted.clone())), probe)
}

fn dead_letters(events: &mut Events) -> Vec<DeadLetterReason> {
    let all = std::iter::from_fn(|| events.try_next());
    let reasons = all.filter_map(|event| match event {
        Event::DeadLetter { reason, .. } => Some(reason),
        _ => None,
    });
    reasons.collect()
}

#[tokio::test]
async fn the_state_chooses_the_handler() {
    let system = System::new("test");
    let (door, _probe) = door(&system, Options::default());
    assert_eq!(door.ask(Knock).await, Ok("who is there?"));
    door.ask(Turn::Open).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("come in"));
    door.ask(Turn::Push).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("close it"));
    door.ask(Turn::Close).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("who is there?"));
    door.ask(Turn::Warn).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("out of order"));
}

#[tokio::test]
async fn what_none_takes_is_a_dead_letter_with_its_reason() {
    let system = System::new("test");
    let (door, _probe) = door(&system, Options::default());
    let mut events = system.events();
    assert_eq!(door.ask(Shout).await, Err(AskError::NoReply));
    assert_eq!(dead_letters(&mut events), [DeadLetterReason::NotHandled]);
    assert_eq!(system.dead_letters(), 1);
    door.ask(Turn::Open).await.unwrap().unwrap();
    assert_eq!(door.ask(Shout).await, Ok(1));
}

#[tokio::test]
async fn a_stash_waits_for_a_state_and_keeps_its_order() {
    let system = System::new("test");
    let (door, probe) = door(&system, Options::default());
    for n in 0..5 {
        door.tell(Walk(n)).await.unwrap();
    }
    assert_eq!(door.ask(Knock).await, Ok("who is there?"));
    let snapshot = door.snapshot();
    assert_eq!((snapshot.stashed, snapshot.in_hand, snapshot.mailbox_depth), (5, 0, 0));
    // From outside, while it is idle.
    door.fire(Trigger::Open).await.unwrap();
    let walked = door.ask(Walk(5));
    let opened = async {
        while door.snapshot().stashed != 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(probe.take(), ["walk 0", "walk 1", "walk 2"]);
        door.fire(Trigger::Open).await
    };
    let (walked, opened) = tokio::join!(walked, opened);
    assert!(walked.is_ok() && opened.is_ok());
    assert_eq!(probe.take(), ["walk 3", "walk 4", "walk 5"]);
    assert_eq!(system.dead_letters(), 0);
}

#[tokio::test]
async fn a_stash_has_the_bound_of_the_mailbox() {
    let system = System::new("test");
    let (door, probe) = door(&system, Options::default().mailbox(2));
    let mut events = system.events();
    for n in 0..4 {
        door.tell(Walk(n)).await.unwrap();
    }
    assert_eq!(door.ask(Knock).await, Ok("who is there?"));
    assert_eq!(dead_letters(&mut events), [DeadLetterReason::StashFull; 2]);
    door.ask(Turn::Open).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("come in"));
    assert_eq!(probe.take(), ["walk 0", "walk 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stash_outlives_a_crash_and_is_left_over_at_the_end() {
    let system = System::new("test");
    let (door, probe) = door(&system, Options::default());
    let mut events = system.events();
    door.tell(Walk(0)).await.unwrap();
    door.tell(Walk(1)).await.unwrap();
    door.ask(Turn::Break).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("who is there?"));
    assert_eq!(door.snapshot().restarts, 1);
    door.ask(Turn::Open).await.unwrap().unwrap();
    assert_eq!(door.ask(Knock).await, Ok("come in"));
    assert_eq!(probe.take(), ["walk 0", "walk 1"]);
    door.ask(Turn::Close).await.unwrap().unwrap();
    door.tell(Walk(2)).await.unwrap();
    assert!(matches!(door.stop().await, Exit::Stopped));
    assert_eq!(dead_letters(&mut events), [DeadLetterReason::LeftOver]);
    assert_eq!(probe.take(), Vec::<String>::new());
}
