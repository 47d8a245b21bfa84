//! The keeper: the actor that renews this process' leases, tells others what
//! it holds, removes transient queues that nobody uses, and lends its spawner
//! to what must go on without its caller.

use std::sync::Arc;

use async_nats::Subscriber;
use celeriac_core::error::Result;
use futures_util::StreamExt as _;
use jumpstarter::{Context, Flow, actor};
use tokio::time::Instant;

use crate::broker::Shared;
use crate::transient::Transient;
use crate::{holders, settling};

/// Keeps what is held by leases.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    asks: Option<Subscriber>,
    next: Instant,
    transient: Transient,
}

#[actor]
impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, asks: None, next: Instant::now(), transient: Transient::default() }
    }

    /// Nothing may be taken before others can ask for it.
    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) -> Result<()> {
        *self.shared.spawner.lock() = Some(ctx.spawner());
        let subject = self.shared.names.ask(&self.shared.holder);
        self.asks = Some(self.shared.client.subscribe("open", subject).await?);
        self.next = Instant::now() + self.shared.options.period();
        holders::show(&self.shared).await
    }

    #[task]
    async fn keep(&mut self, ctx: &mut Context<Self>) -> Flow {
        if self.shared.is_closed() {
            return Flow::Success;
        }
        let ask = async {
            match &mut self.asks {
                Some(asks) => asks.next().await,
                None => std::future::pending().await,
            }
        };
        match tokio::time::timeout_at(self.next, ask).await {
            Ok(Some(ask)) => {
                if let Some(reply) = ask.reply {
                    let answer = holders::answer(&self.shared);
                    self.shared.client.tell(reply.to_string(), answer).await;
                }
                return Flow::Continue;
            }
            Ok(None) => self.asks = None,
            Err(_) => {}
        }
        self.next = Instant::now() + self.shared.options.period();
        if let Err(error) = keep(&self.shared, &mut self.transient).await {
            tracing::warn!(%error, "leases could not be renewed");
            // A report that the state does not allow changes nothing.
            let _ = ctx.report_warning();
        } else {
            let _ = ctx.recover();
        }
        Flow::Continue
    }
}

async fn keep(shared: &Shared, transient: &mut Transient) -> Result<()> {
    settling::renew(shared).await?;
    holders::show(shared).await?;
    transient.sweep(shared).await
}
