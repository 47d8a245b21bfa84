//! The committer: makes decisions durable, as many at once as have gathered.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::{Broker, ErrorKind, Store, Timestamp};
use celeriac_engine::Commit;
use jumpstarter::{Address, Context, Reply, actor};

use crate::apply::apply;
use crate::gate::Gate;
use crate::router::{Router, SuspectSettled};
use crate::workflows::Workflows;

/// The first wait after a driver's error; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Answered when everything told before is durable.
pub(crate) struct Flush;

pub(crate) struct Committer {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    router: Arc<OnceLock<Address<Router>>>,
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
        gate: Arc<Gate>,
        router: Arc<OnceLock<Address<Router>>>,
    ) -> Self {
        if let Some(router) = router.get() {
            // One that can't restart has stopped, and its deliveries come again.
            drop(router.restart());
        }
        let (workflows, gathered, flushes) = Default::default();
        Self { broker, store, gate, router, workflows, gathered, flushes }
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
        let mut pause = FIRST_PAUSE;
        while !self.gathered.is_empty() {
            let suspect = self.gathered.settles_suspect;
            let (broker, store) = (&*self.broker, &*self.store);
            match apply(broker, store, &mut self.workflows, &mut self.gathered).await {
                Ok(settled) => {
                    self.gate.settled(settled, Timestamp::now());
                    if !self.gathered.is_empty() {
                        continue;
                    }
                    self.gathered.settles_suspect = false;
                    if let (true, Some(router)) = (suspect, self.router.get()) {
                        // A router that is gone has no suspects to start.
                        let _ = router.try_tell(SuspectSettled);
                    }
                    let _ = ctx.recover();
                }
                Err(error) if error.kind() == ErrorKind::Closed => {
                    // Unsettled deliveries come again when the broker opens again.
                    tracing::warn!(%error, "closed before outcomes were stored");
                    self.gathered = Commit::default();
                }
                Err(error) => {
                    tracing::error!(%error, ?pause, "outcomes wait to be stored");
                    let _ = ctx.report_problem();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
        self.flushes.drain(..).for_each(|reply| reply.send(()));
    }
}
