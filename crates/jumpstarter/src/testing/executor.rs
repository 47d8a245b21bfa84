//! The seeded executor: it polls one ready future at a time, and a seed decides
//! which. It runs inside one tokio task, whose clock and timers it uses.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::random::Random;
use crate::runtime::Lost;
use crate::wind_down::drop_quietly;

/// The future that [`Driver`] holds itself.
const BODY: u64 = 0;

/// Polls at one moment of virtual time, after which something is said to spin.
const MAX_STEPS_AT_ONCE: u64 = 10_000_000;

thread_local! {
    static CURRENT: RefCell<Option<Seeded>> = const { RefCell::new(None) };
}

/// The futures of one run, as one of its processes sees them: what is spawned
/// through this belongs to that process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Seeded {
    queue: Arc<Mutex<Queue>>,
    process: u64,
}

struct Queue {
    random: Random,
    /// In no particular order; the next is picked at random.
    ready: Vec<u64>,
    tasks: BTreeMap<u64, Task>,
    next_id: u64,
    /// Wakes the driver.
    driver: Option<Waker>,
    closed: bool,
    now: Option<Instant>,
    steps: u64,
    /// How many processes there were, that of the body included.
    processes: u64,
    killed: BTreeSet<u64>,
}

struct Task {
    process: u64,
    /// Not there while it is polled, nor for the body.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    waker: Waker,
    ready: bool,
    aborted: bool,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        let queue = Queue {
            random: Random::new(seed),
            ready: Vec::new(),
            tasks: BTreeMap::new(),
            next_id: BODY,
            driver: None,
            closed: false,
            now: None,
            steps: 0,
            processes: 1,
            killed: BTreeSet::new(),
        };
        Seeded { queue: Arc::new(Mutex::new(queue)), process: 0 }
    }

    /// The same executor, for a new process.
    pub(crate) fn new_process(&self) -> Seeded {
        let mut queue = self.queue.lock();
        let process = queue.processes;
        queue.processes += 1;
        drop(queue);
        Seeded { queue: self.queue.clone(), process }
    }

    /// Drops all futures of this process, the oldest first; it spawns no more.
    pub(crate) fn kill(&self) {
        let mut dropped = Vec::new();
        {
            let mut queue = self.queue.lock();
            queue.killed.insert(self.process);
            let own = queue.tasks.extract_if(.., |_, task| task.process == self.process);
            dropped.extend(own.map(|(_, task)| task));
        }
        for task in dropped {
            drop_quietly(task);
        }
    }

    /// The executor that polls the caller, if one does.
    pub(crate) fn current() -> Option<Seeded> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub(crate) fn random(&self) -> u64 {
        self.queue.lock().random.next()
    }

    pub(crate) fn spawn<F>(&self, future: F) -> SeededJoin<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        let task = async move {
            let outcome = AssertUnwindSafe(future).catch_unwind().await;
            // Nobody may be waiting for it.
            drop(done.send(outcome));
        };
        let id = self.insert(Some(Box::pin(task)));
        SeededJoin { executor: self.clone(), id, outcome }
    }

    fn insert(&self, future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>) -> u64 {
        let refused = {
            let mut queue = self.queue.lock();
            let id = queue.next_id;
            queue.next_id += 1;
            if !queue.closed && !queue.killed.contains(&self.process) {
                let waker = Waker::from(Arc::new(TaskWaker { executor: self.clone(), id }));
                let process = self.process;
                let task = Task { process, future, waker, ready: false, aborted: false };
                queue.tasks.insert(id, task);
                drop(queue);
                self.make_ready(id);
                return id;
            }
            future
        };
        drop(refused);
        u64::MAX
    }

    fn make_ready(&self, id: u64) {
        let driver = {
            let mut queue = self.queue.lock();
            match queue.tasks.get_mut(&id) {
                Some(task) if !task.ready => task.ready = true,
                _ => return,
            }
            queue.ready.push(id);
            queue.driver.clone()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Picks what is polled next.
    #[expect(clippy::panic, reason = "a test that spins has failed")]
    fn pick(&self, driver: &Waker) -> Option<u64> {
        let mut queue = self.queue.lock();
        queue.driver.get_or_insert_with(|| driver.clone()).clone_from(driver);
        let id = queue.pick()?;
        let now = Some(Instant::now());
        queue.steps = if queue.now == now { queue.steps + 1 } else { 0 };
        queue.now = now;
        if queue.steps > MAX_STEPS_AT_ONCE {
            drop(queue);
            panic!("something spins: {MAX_STEPS_AT_ONCE} polls, and the clock stood still");
        }
        Some(id)
    }

    /// Polls one future that was spawned.
    fn take_turn(&self, id: u64) {
        let (future, waker, aborted, process) = {
            let mut queue = self.queue.lock();
            let Some(task) = queue.tasks.get_mut(&id) else { return };
            (task.future.take(), task.waker.clone(), task.aborted, task.process)
        };
        let Some(mut future) = future else { return };
        let _entered = Entered::new(&Seeded { queue: self.queue.clone(), process });
        let pending =
            !aborted && future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        let mut over = Some(future);
        {
            let mut queue = self.queue.lock();
            if !pending {
                queue.tasks.remove(&id);
            } else if let Some(task) = queue.tasks.get_mut(&id) {
                task.future = over.take();
            }
        }
        drop_quietly(over);
    }

    /// Drops all futures, the oldest first, and those that are spawned meanwhile.
    fn close(&self) {
        self.queue.lock().closed = true;
        loop {
            let first = self.queue.lock().tasks.pop_first();
            let Some((_, task)) = first else { return };
            drop_quietly(task);
        }
    }
}

impl Queue {
    fn pick(&mut self) -> Option<u64> {
        if self.ready.is_empty() {
            return None;
        }
        let position = self.random.below(self.ready.len());
        let id = self.ready.swap_remove(position);
        if let Some(task) = self.tasks.get_mut(&id) {
            task.ready = false;
        }
        Some(id)
    }
}

struct TaskWaker {
    executor: Seeded,
    id: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.executor.make_ready(self.id);
    }
}

/// Runs everything until the body is ready. Each poll of this is one poll of one
/// future, so that each gets tokio's whole budget.
pub(crate) struct Driver<F> {
    executor: Seeded,
    body: Pin<Box<F>>,
    waker: Waker,
}

impl<F: Future> Driver<F> {
    pub(crate) fn new(executor: Seeded, body: F) -> Self {
        let id = executor.insert(None);
        let waker = Waker::from(Arc::new(TaskWaker { executor: executor.clone(), id }));
        Driver { executor, body: Box::pin(body), waker }
    }
}

impl<F: Future> Future for Driver<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let _entered = Entered::new(&this.executor);
        let Some(id) = this.executor.pick(cx.waker()) else { return Poll::Pending };
        if id != BODY {
            this.executor.take_turn(id);
        } else if let Poll::Ready(output) =
            this.body.as_mut().poll(&mut Context::from_waker(&this.waker))
        {
            return Poll::Ready(output);
        }
        if !this.executor.queue.lock().ready.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<F> Drop for Driver<F> {
    fn drop(&mut self) {
        let _entered = Entered::new(&self.executor);
        self.executor.close();
    }
}

/// While this lives, the executor is the thread's current one.
struct Entered {
    before: Option<Seeded>,
}

impl Entered {
    fn new(executor: &Seeded) -> Self {
        Entered { before: CURRENT.replace(Some(executor.clone())) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(CURRENT.replace(self.before.take()));
    }
}

/// What was spawned here. It goes on when this is dropped.
pub(crate) struct SeededJoin<T> {
    executor: Seeded,
    id: u64,
    outcome: oneshot::Receiver<Result<T, Box<dyn Any + Send>>>,
}

impl<T> SeededJoin<T> {
    pub(crate) fn abort(&self) {
        if let Some(task) = self.executor.queue.lock().tasks.get_mut(&self.id) {
            task.aborted = true;
        }
        self.executor.make_ready(self.id);
    }

    pub(crate) fn is_finished(&self) -> bool {
        !self.executor.queue.lock().tasks.contains_key(&self.id)
    }
}

impl<T> Future for SeededJoin<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.get_mut().outcome).poll(cx));
        Poll::Ready(match outcome {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(payload)) => Err(Lost::Panicked(payload)),
            Err(_) => Err(Lost::Dropped),
        })
    }
}
