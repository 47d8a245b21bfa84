//! Panics of tasks: caught, counted, and reported as failures.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use celeriac_core::Failure;
use celeriac_core::platform::RunResult;

/// How many panics of tasks were caught.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panics(Arc<AtomicU64>);

impl Panics {
    /// What a run that panicked comes to: a failure that may be tried again.
    pub(crate) fn caught(&self, payload: Box<dyn Any + Send>) -> RunResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let failure = Failure::new("panic", text.unwrap_or("it panicked without a message"));
        // A payload may panic once more when it is dropped; that is the end of it.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        RunResult::Failed { failure, retry_after: None }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
