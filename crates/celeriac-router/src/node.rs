//! The node: what this process consists of as a worker, and how it is started.
//!
//! What must be there before work is taken are its dependencies: one that does
//! not start fails the start. What may come later is its child: one that does
//! not start leaves the node degraded, and is tried again.

use std::time::Duration;

use jumpstarter::{ChildFailed, Context, Flow, StartError, actor};

use crate::inbox::{Inbox, Sources};
use crate::service::tireless;

/// How long the node waits before it starts for the second time what failed;
/// it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Starts what the node can do without, and says in its state whether it has to.
pub(crate) struct Node {
    sources: Sources,
    pause: Duration,
    inbox: Step,
}

/// How far the start of the inbox is.
enum Step {
    Missing,
    Failed(StartError),
    There,
}

#[actor]
impl Node {
    pub(crate) const fn new(sources: Sources) -> Self {
        Self { sources, pause: FIRST_PAUSE, inbox: Step::Missing }
    }

    /// Once at the start; whatever it comes to, the node is started.
    #[started]
    async fn start_inbox(&mut self, ctx: &mut Context<Self>) {
        let sources = self.sources.clone();
        let options = tireless().depends_on(&sources.router);
        let inbox = ctx.spawn_child("inbox", options, move || Inbox::new(sources.clone()));
        self.inbox = match inbox.started().await {
            Ok(()) => Step::There,
            Err(error) => Step::Failed(error),
        };
    }

    /// Starts what is missing, until nothing is.
    #[task]
    async fn start_missing(&mut self, ctx: &mut Context<Self>) -> Flow {
        match std::mem::replace(&mut self.inbox, Step::Missing) {
            Step::Missing => {
                self.start_inbox(ctx).await;
                Flow::Continue
            }
            Step::Failed(error) => {
                let after = self.pause;
                self.pause = (after * 2).min(MAX_PAUSE);
                tracing::warn!(%error, ?after,
                    "the inbox did not start: nobody can ask this node; tried again");
                // Refused where it was reported before.
                let _ = ctx.report_warning();
                Flow::Retry { after }
            }
            Step::There => {
                self.inbox = Step::There;
                // Refused where nothing was missing.
                let _ = ctx.recover();
                Flow::Success
            }
        }
    }

    /// The failed start was seen where it was awaited.
    #[child_failed]
    fn inbox_failed(&mut self, failure: ChildFailed) {
        tracing::debug!(path = %failure.path, error = %failure.crash, "did not start");
    }
}
