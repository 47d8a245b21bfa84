//! Revocations: hears of revoked ids, so that what runs is cancelled.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{ErrorKind, Store};
use jumpstarter::{Address, Context, Flow, actor};

use crate::health::{Health, Severity};
use crate::router::{Revoked, Router};

/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(500);

/// What is revoked while it runs goes on to run.
const HEALTH: Health = Health::new(Severity::Warning);

pub(crate) struct Revocations {
    store: Arc<dyn Store>,
    router: Address<Router>,
    cursor: u64,
    health: Health,
}

#[actor]
impl Revocations {
    pub(crate) fn new(store: Arc<dyn Store>, router: Address<Router>) -> Self {
        Self { store, router, cursor: 0, health: HEALTH }
    }

    #[task]
    async fn listen(&mut self, ctx: &mut Context<Self>) -> Flow {
        let heard = self.health.attend(ctx, self.store.revocations(self.cursor)).await;
        match heard {
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
