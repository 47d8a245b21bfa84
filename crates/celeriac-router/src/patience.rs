//! Patience: what those do who make decisions durable when a driver fails, or
//! when they begin after a crash of their own.

use std::sync::OnceLock;
use std::time::Duration;

use jumpstarter::{Actor, Address, Context};

use crate::router::Router;

/// The first wait after a driver's error; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// How long the next error is waited out.
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// How long that is.
    pub(crate) const fn pause(&self) -> Duration {
        self.0
    }

    /// Reports the problem, and waits it out.
    pub(crate) async fn wait<A: Actor>(&mut self, ctx: &mut Context<A>) {
        // Refused where it was reported before.
        let _ = ctx.report_problem();
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(MAX_PAUSE);
    }
}

/// To be called by an actor that begins. Where there is a router already, the
/// actor follows one that crashed, and what that held is lost: the router begins
/// anew too, so that its deliveries come again.
pub(crate) fn begin_anew(router: &OnceLock<Address<Router>>) {
    if let Some(router) = router.get() {
        // One that can't restart has stopped, and its deliveries come again.
        drop(router.restart());
    }
}
