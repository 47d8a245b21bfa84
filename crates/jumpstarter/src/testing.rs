//! Tests of actors that are exact: no sleeps, and the same result each time.
//! Needs the cargo feature `testing`, meant for `[dev-dependencies]`.
//!
//! Two ways, which share [`Probe`] and [`advance`]:
//!
//! * **A paused clock**: `#[tokio::test(start_paused = true)]`. Waiting takes no
//!   time: tokio's clock jumps to the next timer when nothing is ready.
//! * **A seeded schedule**: [`run`] pauses the clock as well, and polls the actors
//!   in an order that a seed decides. [`for_seeds`] tries many orders; one that
//!   fails is named, and can be run alone as often as it takes to understand it.
//!
//! ```
//! use jumpstarter::{Flow, Options, System, actor, testing};
//! use std::time::Duration;
//!
//! struct Clock(u32);
//! struct Ticks;
//!
//! #[actor]
//! impl Clock {
//!     #[task(every = "1m")]
//!     fn tick(&mut self) -> Flow {
//!         self.0 += 1;
//!         Flow::Continue
//!     }
//!
//!     #[handler]
//!     fn ticks(&mut self, _message: Ticks) -> u32 {
//!         self.0
//!     }
//! }
//!
//! async fn ticks_each_minute(system: System) {
//!     let clock = system.spawn("clock", Options::default(), || Clock(0));
//!     clock.started().await.unwrap();
//!     testing::advance(Duration::from_secs(150)).await;
//!     assert_eq!(clock.ask(Ticks).await, Ok(2));
//! }
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! # let runtime = tokio::runtime::Builder::new_current_thread()
//! #     .enable_time().start_paused(true).build().unwrap();
//! # runtime.block_on(async {
//! ticks_each_minute(System::new("test")).await;
//! # });
//! // In whichever order:
//! testing::for_seeds(10, ticks_each_minute);
//! ```

mod executor;
mod probe;
mod process;
mod random;
mod run;

pub(crate) use executor::{Seeded, SeededJoin};
pub use probe::Probe;
pub use process::Process;
pub use run::{advance, for_seeds, run, seeds};
