//! The event stream tells of the restart region and of the tasks.

use jumpstarter::{Event, Flow, Options, System, actor};

struct Clerk {
    turns: u32,
}

#[actor]
impl Clerk {
    #[task(every = "1s", retries = 1)]
    fn count(&mut self) -> Flow {
        self.turns += 1;
        match self.turns {
            1 => Flow::failure("not yet"),
            2 => Flow::Continue,
            _ => Flow::Success,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_regions_are_events() {
    let system = System::new("test");
    let mut events = system.events();
    let clerk = system.spawn("clerk", Options::default(), || Clerk { turns: 0 });
    let mut of_task = Vec::new();
    while of_task.len() < 4 {
        if let Some(Event::TaskChanged { path, task, from, to }) = events.next().await {
            assert_eq!((path.as_str(), task), ("clerk", "count"));
            of_task.push(format!("{from} > {to}"));
        }
    }
    let expected = [
        "initialized > running",
        "running > retrying",
        "retrying > running",
        "running > succeeded",
    ];
    assert_eq!(of_task, expected);
    clerk.restart().await.unwrap();
    let mut of_restart = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::RestartRegionChanged { path, from, to } = event {
            assert_eq!(path, "clerk");
            of_restart.push(format!("{from} > {to}"));
        }
    }
    let expected = [
        "ignore > restarting.stopping",
        "restarting.stopping > restarting.starting",
        "restarting.starting > restarted",
    ];
    assert_eq!(of_restart, expected);
}
