//! Brokers and stores that could not be reached when the app started.

mod broker;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Error, ErrorKind};
use tokio::sync::OnceCell;

pub use broker::LateBroker;
pub use store::LateStore;

/// Opens a broker or a store.
pub type Open<T> = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<T>>> + Send + Sync>;

/// What is opened by whoever uses it first, as often as that fails.
struct Late<T: ?Sized> {
    open: Open<T>,
    opened: OnceCell<Arc<T>>,
    closed: AtomicBool,
}

impl<T: ?Sized> Late<T> {
    fn new(open: Open<T>) -> Self {
        Self { open, opened: OnceCell::new(), closed: AtomicBool::new(false) }
    }

    async fn get(&self, operation: &'static str) -> Result<&Arc<T>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, operation, "it was closed"));
        }
        self.opened.get_or_try_init(|| (self.open)()).await
    }

    fn opened(&self) -> Option<&Arc<T>> {
        self.opened.get()
    }

    /// It is not opened any more; what was opened is to be closed.
    fn close(&self) -> Option<&Arc<T>> {
        self.closed.store(true, Ordering::Release);
        self.opened()
    }
}
