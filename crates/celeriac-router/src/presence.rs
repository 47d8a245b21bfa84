//! The presence: announces this process as long as it lives.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::store::Node;
use celeriac_core::{Store, Timestamp};
use jumpstarter::{Context, actor};

use crate::health::{Health, Severity};

/// For how long an announcement counts: three times its period.
const TTL: Duration = Duration::from_secs(15);

/// A node that is not announced works and is not found.
const HEALTH: Health = Health::new(Severity::Warning);

/// Announces this process as long as it lives.
pub(crate) struct Presence {
    store: Arc<dyn Store>,
    node: Node,
    health: Health,
}

#[actor]
impl Presence {
    pub(crate) fn new(store: Arc<dyn Store>, node: Node) -> Self {
        Self { store, node, health: HEALTH }
    }

    /// Nobody takes work who can't be found: a store that refuses the first
    /// announcement refuses the start.
    #[started]
    async fn begin(&mut self) -> Result<()> {
        self.announce().await
    }

    #[task(every = "5s")]
    async fn announce_again(&mut self, ctx: &mut Context<Self>) {
        let mut health = std::mem::replace(&mut self.health, HEALTH);
        let announced = health.attend(ctx, self.announce()).await;
        self.health = health;
        if let Err(error) = announced {
            tracing::warn!(%error, "this node could not be announced");
        }
    }

    async fn announce(&mut self) -> Result<()> {
        let now = Timestamp::now();
        let node = Node { expires_at: now.after(TTL), ..self.node.clone() };
        self.store.announce(node).await
    }

    #[stopped]
    async fn end(&mut self) {
        // A store that fails forgets this node by itself.
        let _ = self.store.withdraw(&self.node.name).await;
    }
}
