//! The settler: ends deliveries whose outcomes are durable, as many at once as
//! have gathered, while the committer goes on with those that come next.

use std::sync::{Arc, OnceLock};

use celeriac_core::broker::Settlement;
use celeriac_core::{Broker, ErrorKind, Timestamp};
use jumpstarter::{Address, Context, Reply, actor};

use crate::gate::Gate;
use crate::patience::{Patience, begin_anew};
use crate::router::{Router, SuspectSettled};

/// Deliveries to end, and whether the suspect that ran is among them.
pub(crate) struct Settle(pub(crate) Vec<Settlement>, pub(crate) bool);
/// Answered when everything told before is settled.
pub(crate) struct Flush;

pub(crate) struct Settler {
    broker: Arc<dyn Broker>,
    gate: Arc<Gate>,
    router: Arc<OnceLock<Address<Router>>>,
    gathered: Vec<Settlement>,
    settles_suspect: bool,
    flushes: Vec<Reply<()>>,
}

#[actor]
impl Settler {
    /// `router` is set once there is one. A settler that begins when there is
    /// one already follows one that crashed: what it was to settle is lost, so
    /// the router must begin anew, and its deliveries come again.
    pub(crate) fn new(
        broker: Arc<dyn Broker>,
        gate: Arc<Gate>,
        router: Arc<OnceLock<Address<Router>>>,
    ) -> Self {
        begin_anew(&router);
        let (gathered, flushes) = (Vec::new(), Vec::new());
        Self { broker, gate, router, gathered, settles_suspect: false, flushes }
    }

    #[handler]
    fn gather(&mut self, Settle(batch, settles_suspect): Settle) {
        match self.gathered.is_empty() {
            true => self.gathered = batch,
            false => self.gathered.extend(batch),
        }
        self.settles_suspect |= settles_suspect;
    }

    #[handler]
    fn flush(&mut self, _: Flush, reply: Reply<()>) {
        self.flushes.push(reply);
    }

    /// Settles what was gathered. The broker's error is waited out: the credit
    /// that is not given back meanwhile is the back-pressure.
    #[after_batch]
    async fn settle_gathered(&mut self, ctx: &mut Context<Self>) {
        let mut patience = Patience::new();
        while !self.gathered.is_empty() {
            match self.broker.settle(self.gathered.clone()).await {
                Ok(()) => {
                    self.gate.settled(self.gathered.len(), Timestamp::now());
                    self.gathered.clear();
                    let _ = ctx.recover();
                }
                Err(error) if error.kind() == ErrorKind::Closed => {
                    // Unsettled deliveries come again when the broker opens again.
                    tracing::warn!(%error, "closed before deliveries were settled");
                    self.gathered.clear();
                }
                Err(error) => {
                    let pause = patience.pause();
                    tracing::error!(%error, ?pause, "deliveries wait to be settled");
                    patience.wait(ctx).await;
                }
            }
        }
        if let (true, Some(router)) = (std::mem::take(&mut self.settles_suspect), self.router.get())
        {
            // A router that is gone has no suspects to start.
            let _ = router.try_tell(SuspectSettled);
        }
        self.flushes.drain(..).for_each(|reply| reply.send(()));
    }
}
