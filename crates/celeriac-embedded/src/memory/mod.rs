//! The driver in memory: every trait over the [hub](crate::hub).

mod broker;
mod results;
mod store;
mod workflows;

use std::sync::Arc;

use celeriac_core::store::StoreId;
use parking_lot::Mutex;

use crate::Options;
use crate::hub::{Bounds, Hub, SeenTimers};
use crate::live::{Dedup, Quarantine, Workflows};

/// Broker and store in the memory of one process: `memory://`.
///
/// Everything is gone when the last handle of it is dropped. A delivery that
/// is not settled comes again when its consumer is dropped.
#[derive(Debug)]
pub struct Memory {
    hub: Arc<Hub>,
    dedup: Mutex<Dedup>,
    quarantine: Mutex<Quarantine>,
    workflows: Mutex<Workflows>,
    seen_timers: SeenTimers,
    options: Options,
    store_id: StoreId,
}

impl Memory {
    /// An empty broker and store.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let bounds =
            Bounds { window_bytes: usize::MAX, results: options.result_limit, timers: usize::MAX };
        Arc::new(Self {
            hub: Arc::new(Hub::new("memory://".to_owned(), &options, &bounds)),
            dedup: Mutex::default(),
            quarantine: Mutex::new(Quarantine::new(options.quarantine_limit)),
            workflows: Mutex::default(),
            seen_timers: SeenTimers::default(),
            options,
            store_id: StoreId::next(),
        })
    }
}
