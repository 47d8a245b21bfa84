//! The beginning of a life in the [nursery](crate::nursery): the start, and the end if
//! that was asked for already; all others go on as futures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{End, Runner};
use crate::actor::Actor;
use crate::error::{BoxError, Crash};
use crate::guard::ending;
use crate::nursery::Nursling;
use crate::span::ActorSpan;
use crate::supervision::Verdict;
use crate::wind_down::{self, How};
use crate::work::{Attended, Left, Worker};

impl<A, F> Runner<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    fn start_at_once(&mut self) {
        let Runner { own, now } = self;
        now.begun = true;
        now.span = ActorSpan::of(now.ctx.core());
        let _entered = now.span.enter();
        let start = || own.start_at_once(&mut now.actor, &mut now.ctx);
        let crash = match catch_unwind(AssertUnwindSafe(start)) {
            Ok(Ok(())) => return,
            Ok(Err(crash)) => crash,
            Err(payload) => Crash::from_panic(payload.as_ref()),
        };
        now.ctx.core().crash(crash);
    }

    /// The end of one that was asked for it and has nothing left to do; `false`: there is
    /// more to it.
    fn ends_at_once(&mut self) -> bool {
        let Runner { own, now } = self;
        let (batch, policy) = (own.manner.batch(), own.manner.rules().policy);
        let attended = Worker::new(now.ctx.cell(), &mut own.inbox, batch, policy).attend();
        let Attended::Leave(left @ (Left::Requested | Left::OfItself)) = attended else {
            return false;
        };
        if !matches!(self.judge(End::Left(left)), Verdict::End)
            || !wind_down::is_done_at_once(&self.now.ctx, How::Orderly)
        {
            return false;
        }
        self.now.end();
        self.finish(None, false);
        true
    }
}

impl<A, F> Nursling for Runner<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    fn plain(&self) -> Option<u64> {
        (!A::GREETS).then(|| self.cell().core.id)
    }

    fn begin(mut self: Box<Self>) {
        // Otherwise its future sees to what it is asked for, and to the start.
        if self.cell().core.is_only_to_start() {
            self.start_at_once();
            if ending(self.cell().core.word()) && self.ends_at_once() {
                return;
            }
        }
        let cell = Arc::clone(self.cell());
        let core = &cell.core;
        if core.is_asked() || !cell.mailbox.park() {
            return self.grow_up();
        }
        core.doze(self);
        if core.is_asked() || cell.mailbox.depth().0 > 0 {
            core.rouse();
        }
    }

    fn grow_up(self: Box<Self>) {
        let runtime = self.cell().core.system.runtime().clone();
        drop(runtime.spawn(self.live()));
    }
}
