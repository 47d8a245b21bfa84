//! Which call fails, and how.

use std::collections::HashMap;
use std::future::{Future, pending};

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use parking_lot::Mutex;

/// A method of a driver trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named after its method")]
pub enum Operation {
    Publish,
    Room,
    Consume,
    Pull,
    Begin,
    Settle,
    Queues,
    Purge,
    Complete,
    Mark,
    Entries,
    Changed,
    Forget,
    Revoke,
    Revoked,
    Revocations,
    Schedule,
    TakeDue,
    Unschedule,
    NextDue,
    TimersChanged,
    Scheduled,
    Claim,
    Confirm,
    Quarantine,
    Quarantined,
    Unquarantine,
    Announce,
    Withdraw,
    Nodes,
    Create,
    WorkflowRecords,
    Pages,
    Transition,
    MarkSteps,
    Steps,
    WorkflowsChanged,
    List,
    ForgetWorkflows,
    Join,
    Members,
    Reopen,
    Advance,
}

/// What happens to a call that the plan names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done, and the answer is an error of that kind.
    Refuse(ErrorKind),
    /// It is done, but the answer is an error of that kind.
    Doubt(ErrorKind),
    /// Nothing is done, and no answer comes.
    Hang,
    /// Nothing is done, and the call panics: the actor that makes it crashes.
    Panic,
    /// The process dies before it is done: no answer to this call, and
    /// nothing done by, nor answer to, any later one.
    DieBefore,
    /// The process dies after it is done: as [`Self::DieBefore`] from then on.
    DieAfter,
}

#[derive(Debug)]
struct Fault {
    operation: Operation,
    nth: u64,
    times: u64,
    effect: Effect,
}

#[derive(Debug, Default)]
struct Script {
    faults: Vec<Fault>,
    calls: HashMap<Operation, u64>,
    log: Vec<Operation>,
    dead: bool,
    apart: bool,
}

/// A script of faults, and a log of calls. Shared by everything that fails
/// together: one plan is one process.
///
/// ```
/// use celeriac_core::ErrorKind;
/// use celeriac_testkit::faulty::{Effect, Operation, Plan};
/// let plan = Plan::new();
/// plan.fail(Operation::Publish, 2, Effect::Doubt(ErrorKind::Unreachable));
/// plan.fail_times(Operation::Complete, 1, 3, Effect::Refuse(ErrorKind::NoSpace));
/// assert_eq!(plan.calls(Operation::Publish), 0);
/// ```
#[derive(Debug, Default)]
pub struct Plan {
    script: Mutex<Script>,
}

impl Plan {
    /// A plan by which nothing fails yet.
    #[must_use]
    pub fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::default()
    }

    /// Lets the `nth` call of `operation` fail; the first is 1, counted from
    /// the plan's beginning.
    pub fn fail(&self, operation: Operation, nth: u64, effect: Effect) {
        self.fail_times(operation, nth, 1, effect);
    }

    /// Lets `times` calls of `operation` fail, beginning with the `nth`.
    pub fn fail_times(&self, operation: Operation, nth: u64, times: u64, effect: Effect) {
        self.script.lock().faults.push(Fault { operation, nth, times, effect });
    }

    /// Lets broker and store be two, though they are one: all is done one after
    /// the other.
    pub fn part(&self) {
        self.script.lock().apart = true;
    }

    pub(super) fn is_apart(&self) -> bool {
        self.script.lock().apart
    }

    /// How often `operation` was called.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        *self.script.lock().calls.get(&operation).unwrap_or(&0)
    }

    /// Every call in order, failed ones too.
    #[must_use]
    pub fn log(&self) -> Vec<Operation> {
        self.script.lock().log.clone()
    }

    /// Whether the process has died by the plan.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.script.lock().dead
    }

    fn effect(&self, operation: Operation) -> Option<Effect> {
        let mut script = self.script.lock();
        if script.dead {
            return Some(Effect::Hang);
        }
        script.log.push(operation);
        let calls = script.calls.entry(operation).or_default();
        *calls += 1;
        let call = *calls;
        let named = |fault: &&Fault| {
            fault.operation == operation && (fault.nth..fault.nth + fault.times).contains(&call)
        };
        let effect = script.faults.iter().find(named).map(|fault| fault.effect);
        script.dead |= effect == Some(Effect::DieBefore);
        effect
    }

    fn die(&self) {
        self.script.lock().dead = true;
    }

    /// Does `call` as the plan says.
    pub(super) async fn run<T, F: Future<Output = Result<T>>>(
        &self,
        operation: Operation,
        call: impl FnOnce() -> F,
    ) -> Result<T> {
        match self.effect(operation) {
            None => {
                let answer = call().await;
                // Who waited when the process died gets no answer either.
                if self.is_dead() { pending().await } else { answer }
            }
            Some(Effect::Refuse(kind)) => Err(error(kind, operation)),
            Some(Effect::Doubt(kind)) => {
                call().await?;
                Err(error(kind, operation))
            }
            Some(Effect::Hang | Effect::DieBefore) => pending().await,
            Some(Effect::Panic) => panic!("{operation:?} panics by plan"),
            Some(Effect::DieAfter) => {
                let _ = call().await;
                self.die();
                pending().await
            }
        }
    }

    /// As [`Self::run`], for a call that does not wait: where it should never
    /// answer, it answers that the driver is closed.
    pub(super) fn run_now(
        &self,
        operation: Operation,
        call: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        match self.effect(operation) {
            None => call(),
            Some(Effect::Refuse(kind)) => Err(error(kind, operation)),
            Some(Effect::Doubt(kind)) => call().and(Err(error(kind, operation))),
            Some(Effect::Hang | Effect::DieBefore) => Err(error(ErrorKind::Closed, operation)),
            Some(Effect::Panic) => panic!("{operation:?} panics by plan"),
            Some(Effect::DieAfter) => {
                let _ = call();
                self.die();
                Err(error(ErrorKind::Closed, operation))
            }
        }
    }
}

fn error(kind: ErrorKind, operation: Operation) -> Error {
    Error::new(kind, "test", format!("{operation:?} fails by plan"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::poll_once;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;

    /// Calls an operation that counts how often it is done; what it answers.
    fn call(plan: &Plan, operation: Operation, done: &AtomicU64) -> Option<Result<u64>> {
        let work = || async { Ok(done.fetch_add(1, Ordering::Relaxed)) };
        match poll_once(&mut Box::pin(plan.run(operation, work))) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_named_call_fails_and_no_other() {
        let (plan, done) = (Plan::new(), AtomicU64::new(0));
        plan.fail(Operation::Publish, 2, Effect::Refuse(ErrorKind::NoSpace));
        plan.fail(Operation::Publish, 3, Effect::Doubt(ErrorKind::Timeout));
        assert_eq!(call(&plan, Operation::Publish, &done).unwrap().unwrap(), 0);
        assert!(call(&plan, Operation::Settle, &done).unwrap().is_ok());
        let refused = call(&plan, Operation::Publish, &done).unwrap().unwrap_err();
        assert_eq!((refused.kind(), done.load(Ordering::Relaxed)), (ErrorKind::NoSpace, 2));
        let doubted = call(&plan, Operation::Publish, &done).unwrap().unwrap_err();
        assert_eq!((doubted.kind(), done.load(Ordering::Relaxed)), (ErrorKind::Timeout, 3));
        assert!(call(&plan, Operation::Publish, &done).unwrap().is_ok());
        assert_eq!(plan.calls(Operation::Publish), 4);
    }

    #[test]
    fn the_dead_neither_act_nor_answer() {
        for (effect, acts) in [(Effect::DieBefore, 0), (Effect::DieAfter, 1)] {
            let (plan, done) = (Plan::new(), AtomicU64::new(0));
            plan.fail(Operation::Complete, 1, effect);
            assert!(call(&plan, Operation::Complete, &done).is_none());
            assert!(plan.is_dead());
            assert!(call(&plan, Operation::Settle, &done).is_none());
            assert!(plan.run_now(Operation::Begin, || Ok(())).is_err());
            assert_eq!(done.load(Ordering::Relaxed), acts, "{effect:?}");
            assert_eq!(plan.log(), [Operation::Complete]);
        }
    }
}
