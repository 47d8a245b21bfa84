//! Running a test body by a seed, or by many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::executor::{Driver, Seeded};
use crate::error::Panicked;
use crate::system::System;

/// Virtual time after which a body that is not ready is said to hang.
const LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The variable that names the one seed to run.
const SEED_VARIABLE: &str = "JUMPSTARTER_SEED";

/// Runs `body` on one thread with a paused clock, in an order that `seed`
/// decides: actors and everything that they spawn are polled one at a time, and
/// of those that are ready the seed picks the next. The same seed gives the same
/// run; other seeds give other interleavings.
///
/// * The clock moves to the next timer when nothing is ready, so that waiting
///   takes no time.
/// * `blocking` closures run in the same order, on the same thread; so do actors
///   with a [dedicated thread](crate::Options::dedicated_thread).
/// * Every [`System`] that is made inside takes part, not only the one given.
/// * What is still there when `body` is ready is dropped.
///
/// The order is the seed's as far as it is ours: keep real threads, real time
/// and randomness of your own out, and write `biased;` in `tokio::select!`. There
/// is no I/O driver. [`ActorSnapshot::busy`](crate::ActorSnapshot::busy) is
/// measured in real time.
///
/// # Panics
///
/// As `body` does; if nothing but timers happens for 30 virtual days or nothing
/// at all, which is a hang; if the clock does not move for ten million polls;
/// inside of another tokio runtime.
///
/// ```
/// use jumpstarter::{Options, actor, testing};
///
/// struct Counter(u64);
/// struct Add(u64);
///
/// #[actor]
/// impl Counter {
///     #[handler]
///     fn add(&mut self, message: Add) -> u64 {
///         self.0 += message.0;
///         self.0
///     }
/// }
///
/// let sum = testing::run(7, async |system| {
///     let counter = system.spawn("counter", Options::default(), || Counter(0));
///     counter.tell(Add(1)).await.unwrap();
///     counter.ask(Add(2)).await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// ```
pub fn run<T>(seed: u64, body: impl AsyncFnOnce(System) -> T) -> T {
    let driven = async move {
        let executor = Seeded::new(seed);
        let driver = Driver::new(executor, async move { body(System::new("test")).await });
        tokio::time::timeout(LIMIT, driver).await
    };
    match paused_runtime().block_on(driven) {
        Ok(output) => output,
        Err(_) => hangs(),
    }
}

#[expect(clippy::expect_used, reason = "without a runtime there is no test")]
fn paused_runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime without I/O needs nothing")
}

#[expect(clippy::panic, reason = "a test that hangs has failed")]
fn hangs() -> ! {
    panic!("the test hangs: not ready after {LIMIT:?} of virtual time")
}

/// The seeds of a test: `count` of them, always the same, or the one that the
/// environment variable `JUMPSTARTER_SEED` names.
///
/// ```
/// use jumpstarter::testing;
///
/// for seed in testing::seeds(3) {
///     testing::run(seed, async |system| assert!(system.snapshot().is_empty()));
/// }
/// ```
///
/// # Panics
///
/// `JUMPSTARTER_SEED` is not a number.
pub fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let named = std::env::var(SEED_VARIABLE).ok().map(|text| match text.parse::<u64>() {
        Ok(seed) => seed,
        Err(error) => refused(&text, &error),
    });
    named.map_or(0..count, |seed| seed..seed.saturating_add(1))
}

#[expect(clippy::panic, reason = "to run other seeds than the one asked for would mislead")]
fn refused(text: &str, error: &std::num::ParseIntError) -> ! {
    panic!("{SEED_VARIABLE}={text}: {error}")
}

/// [Runs](run) `body` once for each of [`seeds`]`(count)`.
///
/// # Panics
///
/// At the first seed for which `body` panics; the message names the seed and
/// how to run it alone.
///
/// ```
/// use jumpstarter::testing::{self, Probe};
/// use std::time::Duration;
///
/// testing::for_seeds(20, async |system| {
///     let mut probe = Probe::spawn(&system, "probe");
///     probe.recipient().tell("hello").await.unwrap();
///     assert_eq!(probe.expect_next(Duration::from_secs(1)).await, "hello");
/// });
/// ```
pub fn for_seeds(count: u64, body: impl AsyncFn(System)) {
    for seed in seeds(count) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run(seed, &body))) {
            failed(seed, &Panicked::from_payload(payload.as_ref()));
        }
    }
}

#[expect(clippy::panic, reason = "the test has failed; this adds the seed")]
fn failed(seed: u64, panicked: &Panicked) -> ! {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    panic!(
        "with seed {seed}: {}\nrun it alone: {SEED_VARIABLE}={seed} cargo test {test}",
        panicked.message
    )
}

/// Lets virtual time pass: everything that is due within `duration` happens
/// first, each at its own time.
///
/// ```
/// # use jumpstarter::testing;
/// # use std::time::Duration;
/// testing::run(0, async |_system| {
///     let before = tokio::time::Instant::now();
///     testing::advance(Duration::from_secs(3600)).await;
///     assert_eq!(before.elapsed(), Duration::from_secs(3600));
/// });
/// ```
///
/// # Panics
///
/// The clock is not paused.
pub async fn advance(duration: Duration) {
    // Only a paused clock can be moved by hand, even by nothing.
    tokio::time::advance(Duration::ZERO).await;
    tokio::time::sleep(duration).await;
}
