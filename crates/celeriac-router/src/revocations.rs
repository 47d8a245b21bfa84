//! Revocations: hears of revoked ids, so that what runs is cancelled.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{ErrorKind, Store};
use jumpstarter::{Address, Flow, actor};

use crate::router::{Revoked, Router};

/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Revocations {
    store: Arc<dyn Store>,
    router: Address<Router>,
    cursor: u64,
}

#[actor]
impl Revocations {
    pub(crate) fn new(store: Arc<dyn Store>, router: Address<Router>) -> Self {
        Self { store, router, cursor: 0 }
    }

    #[task]
    async fn listen(&mut self) -> Flow {
        match self.store.revocations(self.cursor).await {
            Ok(changes) => {
                self.cursor = changes.cursor;
                if !changes.ids.is_empty() && self.router.tell(Revoked(changes.ids)).await.is_err()
                {
                    return Flow::Success;
                }
                Flow::Continue
            }
            Err(error) if error.kind() == ErrorKind::Closed => Flow::Success,
            Err(error) => {
                tracing::warn!(%error, "revocations can't be heard");
                Flow::Retry { after: PAUSE }
            }
        }
    }
}
