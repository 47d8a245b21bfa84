//! The committer: makes decisions durable, as many at once as have gathered.

use std::sync::{Arc, OnceLock};

use celeriac_core::{Broker, ErrorKind, Store};
use celeriac_engine::Commit;
use jumpstarter::{Address, Context, Reply, actor};

use crate::patience::{Patience, begin_anew};
use crate::router::Router;
use crate::settler::{Settle, Settler};
use crate::workflows::Workflows;
use crate::write::write;

/// Answered when everything told before is durable, and told to the settler.
pub(crate) struct Flush;

pub(crate) struct Committer {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    settler: Address<Settler>,
    workflows: Workflows,
    gathered: Commit,
    flushes: Vec<Reply<()>>,
}

#[actor]
impl Committer {
    /// `router` is set once there is one. A committer that begins when there is
    /// one already follows one that crashed, with decisions that are lost: the
    /// router must begin anew too, so that its deliveries come again.
    pub(crate) fn new(
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        settler: Address<Settler>,
        router: &OnceLock<Address<Router>>,
    ) -> Self {
        begin_anew(router);
        let (workflows, gathered, flushes) = Default::default();
        Self { broker, store, settler, workflows, gathered, flushes }
    }

    #[handler]
    fn commit(&mut self, commit: Commit) {
        self.gathered.absorb(commit);
    }

    #[handler]
    fn flush(&mut self, _: Flush, reply: Reply<()>) {
        self.flushes.push(reply);
    }

    /// Applies what was gathered. A driver's error is waited out: the credit
    /// that is not given back meanwhile is the back-pressure.
    #[after_batch]
    async fn apply_gathered(&mut self, ctx: &mut Context<Self>) {
        let mut patience = Patience::new();
        while !self.gathered.is_empty() {
            let (broker, store) = (&*self.broker, &*self.store);
            match write(broker, store, &mut self.workflows, &mut self.gathered).await {
                Ok(()) => {
                    let durable = std::mem::take(&mut self.gathered.settle);
                    // While something is left to do, the suspect's may be that.
                    let suspect = self.gathered.is_empty()
                        && std::mem::take(&mut self.gathered.settles_suspect);
                    // A settler that has stopped leaves deliveries unsettled:
                    // they come again.
                    let _ = self.settler.try_tell(Settle(durable, suspect));
                    let _ = ctx.recover();
                }
                Err(error) if error.kind() == ErrorKind::Closed => {
                    // Unsettled deliveries come again when the broker opens again.
                    tracing::warn!(%error, "closed before outcomes were stored");
                    self.gathered = Commit::default();
                }
                Err(error) => {
                    let pause = patience.pause();
                    tracing::error!(%error, ?pause, "outcomes wait to be stored");
                    patience.wait(ctx).await;
                }
            }
        }
        self.flushes.drain(..).for_each(|reply| reply.send(()));
    }
}
