//! Celeriac's default execution platform: runs async and sync tasks in this process.
//!
//! One task type is one actor: its mailbox is that type's internal queue, and
//! it owns the type's concurrency. Async tasks run on the runtime, sync tasks
//! on a bounded pool of threads. The worker knows no broker, and of the store it
//! only reads the results of groups that are too large for a message: it is given [`Run`](celeriac_core::platform::Run)s and reports how they ended.

#![forbid(unsafe_code)]

mod async_runs;
mod context;
mod definition;
mod inputs;
mod limits;
mod panics;
mod record;
mod sweep;
mod sync_runs;
mod task_actor;
mod threads;
mod worker;

pub use context::{RunContext, States};
pub use definition::{AsyncBody, Body, Definition, SyncBody, TimeLimits};
pub use worker::{MissingState, Options, Worker};
