//! Releases that do not end: the stop goes on without them, and says so.

use std::convert::Infallible;
use std::sync::mpsc;
use std::time::Duration;

use jumpstarter::{DEFAULT_RELEASE_TIMEOUT, Event, Exit, Options, ShutdownReport, System, actor};
use tokio::time::Instant;

use crate::probe::Probe;

struct Door(&'static str);
struct Window;

struct House {
    probe: Probe,
}

#[actor]
impl House {
    #[resource]
    async fn first(&self) -> Result<Door, Infallible> {
        Ok(Door("first"))
    }

    #[resource]
    async fn second(&self) -> Result<Door, Infallible> {
        Ok(Door("second"))
    }

    #[resource]
    async fn window(&self) -> Result<Window, Infallible> {
        Ok(Window)
    }

    #[release(first)]
    async fn close_first(&mut self, door: Door) {
        self.probe.note(format!("{} closed", door.0));
    }

    #[release(second, timeout = "3s")]
    async fn close_second(&mut self, _door: Door) {
        std::future::pending::<()>().await;
    }

    #[release(window)]
    async fn close_window(&mut self, _window: Window) {
        std::future::pending::<()>().await;
    }
}

fn house(system: &System) -> (jumpstarter::Address<House>, Probe) {
    let probe = Probe::default();
    let noted = probe.clone();
    let make = move || House { probe: noted.clone() };
    (system.spawn("house", Options::default(), make), probe)
}

#[tokio::test(start_paused = true)]
async fn a_release_that_hangs_is_reported_and_the_stop_goes_on() {
    let system = System::new("test");
    let mut events = system.events();
    let (house, probe) = house(&system);
    house.started().await.unwrap();
    let before = Instant::now();
    assert!(matches!(house.stop().await, Exit::Stopped));
    assert_eq!(before.elapsed(), DEFAULT_RELEASE_TIMEOUT + Duration::from_secs(3));
    assert_eq!(probe.take(), ["first closed"]);
    let reported = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        Event::NotReleased { path, resource, after } => Some((path, resource, after)),
        _ => None,
    });
    let expected = [
        ("house".to_owned(), "window", DEFAULT_RELEASE_TIMEOUT),
        ("house".to_owned(), "second", Duration::from_secs(3)),
    ];
    assert_eq!(reported.collect::<Vec<_>>(), expected);
    assert_eq!(system.not_released(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_shutdown_counts_them() {
    let system = System::new("test");
    let (house, _probe) = house(&system);
    house.started().await.unwrap();
    let report = system.shutdown(Duration::from_secs(60)).await;
    let ShutdownReport { stopped, not_released, .. } = &report;
    assert_eq!((stopped.as_slice(), *not_released), (&["house".to_owned()][..], 2));
    assert!(!report.is_clean());
}

/// On the pool; let go by the test.
struct Gate(mpsc::Receiver<()>);

struct Vault;

#[actor]
impl Vault {
    #[resource]
    fn lock(&self, injector: &jumpstarter::Injector) -> Result<Gate, &'static str> {
        let gate = injector.argument::<parking_lot::Mutex<Option<Gate>>>().ok_or("no gate")?;
        gate.lock().take().ok_or("no gate")
    }

    #[release(lock, timeout = "1ms")]
    fn unlock(lock: Gate) {
        let _ = lock.0.recv();
    }
}

#[tokio::test]
async fn one_on_the_pool_runs_on_alone() {
    let system = System::new("test");
    let (opens, gate) = mpsc::channel();
    system.provide(parking_lot::Mutex::new(Some(Gate(gate))));
    let vault = system.spawn("vault", Options::default(), || Vault);
    vault.started().await.unwrap();
    assert!(matches!(vault.stop().await, Exit::Stopped));
    assert_eq!(system.not_released(), 1);
    drop(opens);
}
