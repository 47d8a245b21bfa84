//! Actors, senders and askers on two or three threads, in many interleavings of
//! their locks and atomics: nothing is lost, doubled or overtaken, nobody hangs.
//!
//! Built by `cargo xtask shuttle` only. What tokio and std bring themselves
//! (`Notify`, cancellation, `OnceLock`) counts as one step here.

mod dozing;
mod endings;
mod futures;
mod mail;
mod planted;
mod replies;

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

/// How often each scheduler tries a scenario, unless told otherwise.
const ITERATIONS: usize = 3_000;
const ITERATIONS_VARIABLE: &str = "JUMPSTARTER_SHUTTLE_ITERATIONS";

/// In debug builds the poll of an actor needs more than shuttle's 32 KiB.
const STACK: usize = 512 * 1024;

/// Context switches that a bug may need, for the scheduler that bounds them.
const PREEMPTIONS: usize = 3;

fn iterations() -> usize {
    let text = std::env::var(ITERATIONS_VARIABLE);
    text.map_or(ITERATIONS, |text| text.parse().unwrap())
}

/// Tries a scenario in many interleavings; panics at the first that fails, and
/// prints how it comes again. A deadlock is a failure.
fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    // For the timers of actors; they never fire.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let scenario = Arc::new(scenario);
    let mut config = Config::new();
    config.stack_size = STACK;
    let again = Arc::clone(&scenario);
    Runner::new(RandomScheduler::new(iterations()), config.clone()).run(move || again());
    Runner::new(PctScheduler::new(PREEMPTIONS, iterations()), config).run(move || scenario());
}

/// Runs a future on a thread of its own.
fn on_thread<F>(future: F) -> thread::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    thread::spawn(move || block_on(future))
}

/// What happened, in order; looking at it is no step of its own.
#[derive(Clone, Default)]
struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Notes<T> {
    fn add(&self, note: T) {
        self.0.lock().push(note);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().clone()
    }
}

/// Counts its own drop.
struct Dropped(Notes<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add(());
    }
}
