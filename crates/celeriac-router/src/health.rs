//! Health: an actor whose driver fails says so in its state, and says when it
//! is over.

use std::pin::pin;
use std::time::Duration;

use celeriac_core::ErrorKind;
use celeriac_core::error::Result;
use jumpstarter::{Actor, Context};

/// What goes on for this long without an error, after one, works again: most of
/// what is done here waits for something to happen.
const SETTLED: Duration = Duration::from_secs(1);

/// How bad it is that an actor's driver fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Work goes on without it: degraded.
    Warning,
    /// No work is done: unhealthy.
    Problem,
}

/// Whether what an actor does fails at the moment.
#[derive(Debug)]
pub(crate) struct Health {
    severity: Severity,
    failing: bool,
    settled: Duration,
}

impl Health {
    pub(crate) const fn new(severity: Severity) -> Self {
        Self { severity, failing: false, settled: SETTLED }
    }

    /// Awaits `work`, and reports on it. Cancel-safe if `work` is.
    pub(crate) async fn attend<A: Actor, T>(
        &mut self,
        ctx: &mut Context<A>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut work = pin!(work);
        let early = match self.failing {
            false => None,
            true => tokio::time::timeout(self.settled, &mut work).await.ok(),
        };
        let done = match early {
            Some(done) => done,
            None => {
                self.works(ctx);
                work.await
            }
        };
        match &done {
            Ok(_) => self.works(ctx),
            Err(error) if error.kind() == ErrorKind::Closed => {}
            Err(_) => self.fails(ctx),
        }
        done
    }

    /// What failed works again only after so long without an error.
    pub(crate) const fn settles_after(&mut self, settled: Duration) {
        self.settled = settled;
    }

    fn works<A: Actor>(&mut self, ctx: &Context<A>) {
        if std::mem::take(&mut self.failing) {
            self.settled = SETTLED;
            // Refused only while the actor stops.
            let _ = ctx.recover();
        }
    }

    fn fails<A: Actor>(&mut self, ctx: &Context<A>) {
        self.failing = true;
        // Refused where it was reported before.
        let _ = match self.severity {
            Severity::Warning => ctx.report_warning(),
            Severity::Problem => ctx.report_problem(),
        };
    }
}
