//! Actors without a task, and those who want them at the same moment.

use shuttle::future::block_on;

use super::mail::{Letter, clerk};
use super::{explore, on_thread};
use crate::{Exit, Options};

#[test]
fn one_that_begins_to_wait_is_reached_by_who_tells_and_who_stops_it() {
    explore(|| {
        let (system, clerk, notes) = clerk(Options::default());
        let teller = clerk.clone();
        let tells = on_thread(async move { teller.try_tell(Letter(0, 0)).is_ok() });
        let stopping = clerk.clone();
        let stops = on_thread(async move { stopping.stop().await });
        let told = tells.join().unwrap();
        assert!(matches!(stops.join().unwrap(), Exit::Stopped));
        assert_eq!(notes.all().len(), usize::from(told));
        assert_eq!(system.dead_letters(), u64::from(!told));
    });
}

#[test]
fn two_who_want_one_that_waits_get_it_once() {
    explore(|| {
        let (_system, clerk, notes) = clerk(Options::default());
        block_on(clerk.started()).unwrap();
        let asks = [0, 1].map(|sender| {
            let clerk = clerk.clone();
            on_thread(async move { clerk.ask(Letter(sender, 0)).await })
        });
        for ask in asks {
            ask.join().unwrap().unwrap();
        }
        assert_eq!(notes.all().len(), 2);
        block_on(clerk.kill());
    });
}

#[test]
fn several_newcomers_find_a_nurse_each_time() {
    explore(|| {
        let (system, clerk, _notes) = clerk(Options::default());
        let others = on_thread(async move {
            for name in ["second", "third"] {
                let other =
                    system.spawn(name, Options::default(), || super::mail::Clerk::default());
                other.started().await.unwrap();
                other.stop().await;
            }
        });
        block_on(clerk.ask(Letter(0, 0))).unwrap();
        others.join().unwrap();
        block_on(clerk.stop());
    });
}
