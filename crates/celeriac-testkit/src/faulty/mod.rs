//! A broker and a store that fail when they are told to.
//!
//! A test wraps the real ones with one [`Plan`], lets the role under test run,
//! and says which call fails how: refused, in doubt, never answered, or the
//! death of the process. See [`Plan`] for an example.

mod broker;
mod plan;
mod store;
mod workflows;

use std::sync::Arc;

use celeriac_core::{Broker, Store};

pub use plan::{Effect, Operation, Plan};

/// Decorates a broker or a store with faults by [`Plan`].
pub struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    plan: Arc<Plan>,
}

impl Faulty<dyn Broker> {
    /// `broker`, failing by `plan`; its consumers fail by it too.
    #[must_use]
    pub fn broker(broker: Arc<dyn Broker>, plan: &Arc<Plan>) -> Arc<dyn Broker> {
        let plan = Arc::clone(plan);
        Arc::new(Self { inner: broker, plan })
    }
}

impl Faulty<dyn Store> {
    /// `store`, failing by `plan`.
    #[must_use]
    pub fn store(store: Arc<dyn Store>, plan: &Arc<Plan>) -> Arc<dyn Store> {
        let plan = Arc::clone(plan);
        Arc::new(Self { inner: store, plan })
    }
}
