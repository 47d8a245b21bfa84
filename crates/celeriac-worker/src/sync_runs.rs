//! Sync runs: each on a thread of the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use celeriac_core::platform::{Run, RunResult};
use jumpstarter::Context;

use crate::async_runs::Counted;
use crate::context::RunContext;
use crate::definition::SyncBody;
use crate::sweep;
use crate::task_actor::{Began, Running, TaskActor, ended};

impl TaskActor {
    pub(crate) fn start_sync(&mut self, body: Arc<SyncBody>, run: Run, ctx: &Context<Self>) {
        let Run { key, message } = run;
        let span = tracing::info_span!("task", task = %message.name, id = %message.id);
        let (context, scope) = RunContext::new(message.clone(), self.shared.states.clone());
        self.running.insert(key, Running::new(scope.clone(), message));
        let (panics, address) = (self.shared.panics.clone(), ctx.address());
        let counted = Counted::new(self.shared.running.clone());
        self.shared.threads.run(move |seat| {
            if scope.why().is_some() {
                return ended(&address, key, RunResult::Released);
            }
            // Where the thread can be abandoned, the actor must know it.
            let _ = address.try_tell(Began(key, seat.clone()));
            let call = AssertUnwindSafe(|| span.in_scope(|| sweep::run(&body, context)));
            let result = catch_unwind(call).unwrap_or_else(|payload| panics.caught(payload));
            drop(counted);
            ended(&address, key, result);
        });
    }
}
