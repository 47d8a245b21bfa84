//! The keeper: the actor that connects again when the connection is broken,
//! keeps up with the names of the queues, and lends its spawner to what must go
//! on without its caller.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use jumpstarter::{Context, Flow, actor};

use crate::names;
use crate::shared::Shared;

/// How often the keeper looks at the connection.
const PERIOD: Duration = Duration::from_secs(1);

/// Keeps the connection.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// Whether it was last time: what goes wrong is told once.
    is_well: bool,
}

#[actor]
impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, is_well: true }
    }

    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) -> Result<()> {
        *self.shared.spawner.lock() = Some(ctx.spawner());
        Ok(())
    }

    #[task]
    async fn keep(&mut self, ctx: &mut Context<Self>) -> Flow {
        tokio::time::sleep(PERIOD).await;
        if self.shared.is_closed() {
            return Flow::Success;
        }
        let mended = async {
            let live = self.shared.client.live("connect").await?;
            names::follow(&self.shared, &live).await?;
            names::say(&self.shared, &live).await
        };
        if let Err(error) = mended.await {
            match std::mem::take(&mut self.is_well) {
                true => tracing::warn!(%error, "not all is well with the server"),
                false => tracing::debug!(%error, "not all is well with the server yet"),
            }
            // A report that the state does not allow changes nothing.
            let _ = ctx.report_warning();
        } else {
            self.is_well = true;
            let _ = ctx.recover();
        }
        Flow::Continue
    }
}
