//! Control from several threads: whoever awaits a state sees it.

use std::time::Duration;

use shuttle::future::block_on;

use super::mail::{Clerk, Letter, clerk};
use super::{Notes, explore, on_thread};
use crate::{Exit, Options, State, System};

#[test]
fn all_who_wait_for_the_start_and_the_end_hear_of_it() {
    explore(|| {
        let (system, clerk, _notes) = clerk(Options::default());
        let waiter = || {
            let clerk = clerk.clone();
            on_thread(async move {
                clerk.started().await.unwrap();
                clerk.stopped().await
            })
        };
        let waiters = [waiter(), waiter()];
        block_on(clerk.started()).unwrap();
        drop(clerk.stop());
        for waiter in waiters {
            assert!(matches!(waiter.join().unwrap(), Exit::Stopped));
        }
        assert_eq!(clerk.lifecycle(), State::Stopped);
        assert!(system.snapshot().is_empty());
    });
}

#[test]
fn a_pause_keeps_and_a_resume_goes_on() {
    explore(|| {
        let (_system, clerk, notes) = clerk(Options::default());
        block_on(clerk.started()).unwrap();
        let pausing = clerk.clone();
        let pauser = on_thread(async move {
            pausing.pause().await.unwrap();
            pausing.resume().await.unwrap();
        });
        block_on(clerk.ask(Letter(0, 0))).unwrap();
        pauser.join().unwrap();
        block_on(clerk.ask(Letter(0, 1))).unwrap();
        assert_eq!(notes.all(), [(0, 0), (0, 1)]);
        block_on(clerk.stop());
    });
}

#[test]
fn a_restart_keeps_the_mailbox() {
    explore(|| {
        let (system, clerk, notes) = clerk(Options::default().mailbox(2));
        block_on(clerk.started()).unwrap();
        let restarting = clerk.clone();
        let restarter = on_thread(async move { restarting.restart().await.is_ok() });
        block_on(async {
            for number in 0..3 {
                clerk.tell(Letter(0, number)).await.unwrap();
            }
        });
        assert!(restarter.join().unwrap());
        // A stop right now would prevent the next start.
        block_on(clerk.ask(Letter(0, 3))).unwrap();
        block_on(clerk.stop());
        assert_eq!(notes.all(), [(0, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(system.dead_letters(), 0);
    });
}

#[test]
fn nobody_outlives_the_shutdown() {
    explore(|| {
        let system = System::new("test");
        let late = system.clone();
        let spawner =
            on_thread(
                async move { late.spawn("late", Options::default(), || Clerk(Notes::default())) },
            );
        let report = block_on(system.shutdown(Duration::from_secs(1)));
        let late = spawner.join().unwrap();
        assert!(report.is_clean());
        // Refused, or stopped with the others.
        block_on(late.stopped());
        assert!(system.snapshot().is_empty());
    });
}
