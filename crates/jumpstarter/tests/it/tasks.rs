//! Tasks: turns between messages, periods, concurrency, retries.

use std::time::Duration;

use jumpstarter::{Context, Exit, Flow, Options, State, System, TaskContext, TaskState, actor};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::probe::Probe;

struct Clock {
    began: Instant,
    probe: Probe,
}

#[actor]
impl Clock {
    #[task(every = "30s")]
    fn audit(&mut self) -> Flow {
        self.probe.note(format!("audit at {}", self.began.elapsed().as_secs()));
        Flow::Continue
    }

    #[task(every = "1m")]
    async fn report(&mut self, ctx: &mut Context<Self>) {
        self.probe.note(format!("report at {}", self.began.elapsed().as_secs()));
        if self.began.elapsed() >= Duration::from_secs(120) {
            ctx.stop_self();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn periodic_tasks_come_in_their_period() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || Clock { began: Instant::now(), probe: noted.clone() };
    system.spawn("clock", Options::default(), make).stopped().await;
    let mut noted = probe.take();
    noted.sort();
    let expected = [
        "audit at 120",
        "audit at 30",
        "audit at 60",
        "audit at 90",
        "report at 120",
        "report at 60",
    ];
    assert_eq!(noted, expected);
}

struct Pump {
    source: Option<mpsc::UnboundedReceiver<u64>>,
    sum: u64,
}

struct Sum;

#[actor]
impl Pump {
    #[task]
    async fn pull(&mut self) -> Flow {
        let Some(source) = &mut self.source else {
            return Flow::Success;
        };
        match source.recv().await {
            Some(n) => {
                self.sum += n;
                Flow::Continue
            }
            None => Flow::Success,
        }
    }

    #[handler]
    fn sum(&mut self, _m: Sum) -> u64 {
        self.sum
    }
}

fn pump(system: &System) -> (jumpstarter::Address<Pump>, mpsc::UnboundedSender<u64>) {
    let (tx, rx) = mpsc::unbounded_channel();
    let mut source = Some(rx);
    let make = move || Pump { source: source.take(), sum: 0 };
    (system.spawn("pump", Options::default(), make), tx)
}

#[tokio::test]
async fn a_continuous_task_takes_turns_with_messages() {
    let system = System::new("test");
    let (pump, source) = pump(&system);
    source.send(3).unwrap();
    source.send(4).unwrap();
    drop(source);
    pump.started().await.unwrap();
    while pump.ask(Sum).await.unwrap() < 7 {
        tokio::task::yield_now().await;
    }
    while system.snapshot()[0].tasks != [("pull", TaskState::Succeeded)] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_interrupts_a_turn_that_awaits() {
    let system = System::new("test");
    let (pump, _source) = pump(&system);
    pump.started().await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(pump.stop().await, Exit::Stopped));
}

struct Puller {
    probe: Probe,
}

struct Pulled(u32);

#[actor]
impl Puller {
    #[task(concurrent, retries = 2, backoff = "1s")]
    async fn pull(ctx: TaskContext<Self>) -> Result<Flow, String> {
        ctx.address().ask(Pulled(1)).await.map_err(|error| error.to_string())?;
        Err("empty".to_owned())
    }

    #[task(concurrent)]
    async fn forever(ctx: TaskContext<Self>) -> Flow {
        assert_eq!(ctx.system().name(), "test");
        std::future::pending().await
    }

    #[handler]
    fn pulled(&mut self, m: Pulled) {
        self.probe.note(format!("pulled {}", m.0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_concurrent_task_is_retried_and_then_crashes_the_actor() {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let options = Options::default().intensity(0, Duration::from_secs(1));
    let puller = system.spawn("puller", options, move || Puller { probe: noted.clone() });
    let begun = Instant::now();
    let Exit::Crashed(crash) = puller.stopped().await else { panic!("no crash") };
    assert_eq!(crash.to_string(), "empty");
    assert_eq!(probe.take().len(), 3);
    assert_eq!(begun.elapsed(), Duration::from_secs(1 + 2));
    assert_eq!(puller.lifecycle(), State::Crashed);
}

struct Panicking;

#[actor]
impl Panicking {
    #[task(concurrent)]
    async fn fall(_ctx: TaskContext<Self>) {
        panic!("fell");
    }
}

#[tokio::test]
async fn a_panic_in_a_concurrent_task_crashes_the_actor() {
    let system = System::new("test");
    let options = Options::default().restart(jumpstarter::RestartPolicy::Temporary);
    let Exit::Crashed(crash) = system.spawn("it", options, || Panicking).stopped().await else {
        panic!("no crash")
    };
    assert_eq!(crash.to_string(), "panicked: fell");
}
