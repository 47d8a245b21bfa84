//! When the turns of tasks come: kinds, missed turns, jitter, retries, pauses.

use std::time::Duration;

use jumpstarter::{
    Context, Exit, Flow, Options, Outcome, Pace, Periodic, System, TaskContext, TaskState, Turn,
    actor,
};
use tokio::time::Instant;

use crate::probe::Probe;

/// A turn each time that one more second has passed; the third is the last.
struct Growing(u32);

impl Pace for Growing {
    fn next(&mut self, last: &Turn, now: Instant) -> Option<Instant> {
        assert_eq!(last.outcome, Outcome::Continued);
        assert!(last.due <= last.began && last.began <= last.ended && last.ended <= now);
        self.0 += 1;
        (self.0 < 3).then(|| last.ended + Duration::from_secs(self.0.into()))
    }
}

struct Outsider {
    begun: Instant,
    probe: Probe,
}

impl Outsider {
    fn note(probe: &Probe, what: &str, begun: Instant) {
        probe.note(format!("{what} at {}", begun.elapsed().as_secs()));
    }
}

#[actor]
impl Outsider {
    #[task(kind = Growing(0))]
    fn grow(&mut self) {
        Outsider::note(&self.probe, "grow", self.begun);
    }

    #[task(concurrent, kind = Growing(0))]
    async fn beside(ctx: TaskContext<Self>) {
        let _ = ctx.address().tell(Beside).await;
    }

    #[handler]
    fn note_beside(&mut self, _m: Beside) {
        Outsider::note(&self.probe, "beside", self.begun);
    }
}

struct Beside;

#[tokio::test(start_paused = true)]
async fn a_kind_can_come_from_outside_the_crate() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Outsider { begun: Instant::now(), probe: noted.clone() };
    let outsider = system.spawn("outsider", Options::default(), make);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut noted = probe.take();
    noted.sort();
    let expected =
        ["beside at 0", "beside at 1", "beside at 3", "grow at 0", "grow at 1", "grow at 3"];
    assert_eq!(noted, expected);
    let states = [("grow", TaskState::Succeeded), ("beside", TaskState::Succeeded)];
    assert_eq!(outsider.snapshot().tasks, states);
}

/// Its first turns take 25 seconds.
struct Slow {
    begun: Instant,
    turns: [Vec<u64>; 3],
}

impl Slow {
    async fn turn(&mut self, index: usize) -> Flow {
        self.turns[index].push(self.begun.elapsed().as_secs());
        if self.turns[index].len() == 1 {
            tokio::time::sleep(Duration::from_secs(25)).await;
        }
        Flow::Continue
    }
}

struct Turns;

macro_rules! slow {
    ($name:ident, $missed:literal) => {
        struct $name(Slow);

        #[actor]
        impl $name {
            #[task(every = "10s", missed = $missed)]
            async fn turn(&mut self) -> Flow {
                self.0.turn(0).await
            }

            #[handler]
            fn turns(&mut self, _m: Turns) -> Vec<u64> {
                self.0.turns[0].clone()
            }
        }
    };
}

slow!(Skipping, "skip");
slow!(Delaying, "delay");
slow!(CatchingUp, "catch_up");

impl Slow {
    fn new() -> Self {
        Slow { begun: Instant::now(), turns: Default::default() }
    }
}

#[tokio::test(start_paused = true)]
async fn missed_turns_are_skipped_delayed_or_caught_up_with() {
    let system = System::new("test");
    let options = Options::default;
    let skipping = system.spawn("skipping", options(), || Skipping(Slow::new()));
    let delaying = system.spawn("delaying", options(), || Delaying(Slow::new()));
    let catching_up = system.spawn("catching_up", options(), || CatchingUp(Slow::new()));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(skipping.ask(Turns).await.unwrap(), [10, 40, 50]);
    assert_eq!(delaying.ask(Turns).await.unwrap(), [10, 45, 55]);
    assert_eq!(catching_up.ask(Turns).await.unwrap(), [10, 35, 35, 40, 50]);
}

struct Jittery {
    begun: Instant,
    turns: Vec<Duration>,
}

struct Times;

#[actor]
impl Jittery {
    #[task(every = "10s", jitter = "4s")]
    fn turn(&mut self) {
        self.turns.push(self.begun.elapsed());
    }

    #[handler]
    fn times(&mut self, _m: Times) -> Vec<Duration> {
        self.turns.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_moves_each_turn_and_does_not_add_up() {
    let system = System::new("test");
    let make = || Jittery { begun: Instant::now(), turns: Vec::new() };
    let jittery = system.spawn("jittery", Options::default(), make);
    tokio::time::sleep(Duration::from_secs(1008)).await;
    let turns = jittery.ask(Times).await.unwrap();
    assert_eq!(turns.len(), 100);
    let off = |(index, at): (usize, &Duration)| {
        at.checked_sub(Duration::from_secs(10 * (index as u64 + 1))).unwrap()
    };
    let off: Vec<Duration> = turns.iter().enumerate().map(off).collect();
    assert!(off.iter().all(|off| *off <= Duration::from_millis(4001)), "{off:?}");
    assert!(off.iter().any(|off| *off >= Duration::from_secs(1)), "{off:?}");
}

struct Failing {
    begun: Instant,
    probe: Probe,
}

#[actor]
impl Failing {
    #[task(retries = 4, backoff = "1s", backoff_max = "3s")]
    fn fail(&mut self) -> Flow {
        self.probe.note(format!("{}", self.begun.elapsed().as_secs()));
        Flow::failure("again")
    }
}

#[tokio::test(start_paused = true)]
async fn retries_wait_double_up_to_the_longest_wait_and_then_crash() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Failing { begun: Instant::now(), probe: noted.clone() };
    let options = Options::default().intensity(0, Duration::ZERO);
    let failing = system.spawn("failing", options, make);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(failing.snapshot().tasks, [("fail", TaskState::Retrying)]);
    let Exit::Crashed(crash) = failing.stopped().await else { panic!("no crash") };
    assert_eq!(crash.to_string(), "again");
    // 1, 2, 3 and 3 seconds.
    assert_eq!(probe.take(), ["0", "1", "3", "6", "9"]);
}

struct Waiting {
    begun: Instant,
    probe: Probe,
    left: u32,
}

#[actor]
impl Waiting {
    #[task(every = "1m")]
    fn wait(&mut self) -> Flow {
        self.probe.note(format!("{}", self.begun.elapsed().as_secs()));
        match self.left.checked_sub(1) {
            None => Flow::Continue,
            Some(left) => {
                self.left = left;
                Flow::Retry { after: Duration::from_secs(5) }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_asks_for_it_is_tried_again_without_harm_to_the_rhythm() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Waiting { begun: Instant::now(), probe: noted.clone(), left: 3 };
    system.spawn("waiting", Options::default(), make);
    tokio::time::sleep(Duration::from_secs(190)).await;
    assert_eq!(probe.take(), ["60", "65", "70", "75", "120", "180"]);
}

struct Busy {
    probe: Probe,
}

#[actor]
impl Busy {
    #[task(kind = Periodic::new(Duration::from_secs(1)))]
    async fn on_actor(&mut self, _ctx: &mut Context<Self>) {
        self.probe.note("on actor");
    }

    #[task(concurrent, every = "1s")]
    async fn beside(ctx: TaskContext<Self>) {
        if let Some(probe) = ctx.system().argument::<Probe>() {
            probe.note("beside");
        }
    }

    #[task(blocking, every = "1s")]
    fn blocking(ctx: TaskContext<Self>) {
        if let Some(probe) = ctx.system().argument::<Probe>() {
            probe.note("blocking");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_halts_every_task_and_a_resume_goes_on() {
    let system = System::new("test");
    let probe = Probe::default();
    system.provide(probe.clone());
    let noted = probe.clone();
    let busy = system.spawn("busy", Options::default(), move || Busy { probe: noted.clone() });
    let all = ["beside", "blocking", "on actor"];
    let taken = || {
        let mut noted = probe.take();
        noted.sort();
        noted.dedup();
        noted
    };
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(taken(), all);
    busy.pause().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(taken().is_empty());
    busy.resume().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(taken(), all);
}
