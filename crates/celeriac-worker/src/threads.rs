//! The bounded pool of threads that sync tasks run on.
//!
//! A thread whose task overran its hard limit can't be stopped: it is
//! abandoned, counted, and replaced. When it comes back it ends.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The most threads that may be abandoned at once; beyond it the pool shrinks
/// instead, so that tasks that hang can't fill the machine with threads.
const MAX_ABANDONED: usize = 64;

type Job = Box<dyn FnOnce(&Seat) + Send>;

/// A bounded pool of threads.
#[derive(Clone)]
pub(crate) struct Threads(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that serve the pool; abandoned ones do not.
    serving: usize,
    idle: usize,
    size: usize,
    abandoned: usize,
    closed: bool,
}

/// A thread's place in the pool, held by the job that it runs.
#[derive(Clone)]
pub(crate) struct Seat {
    pool: Threads,
    taken: Arc<Mutex<SeatState>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SeatState {
    Serving,
    Abandoned,
}

impl State {
    fn may_grow(&self) -> bool {
        self.serving + self.abandoned.saturating_sub(MAX_ABANDONED) < self.size
    }
}

impl Threads {
    /// A pool of at most `size` threads, which start when they are needed.
    pub(crate) fn new(size: usize) -> Self {
        let state = State { size: size.max(1), ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() }))
    }

    pub(crate) fn size(&self) -> usize {
        self.0.state.lock().size
    }

    /// How many threads were abandoned and have not come back.
    pub(crate) fn abandoned(&self) -> usize {
        self.0.state.lock().abandoned
    }

    /// Runs a job on the next free thread; in a simulation, which has only the
    /// one, here and now.
    pub(crate) fn run(&self, job: impl FnOnce(&Seat) + Send + 'static) {
        if celeriac_core::simulation::is_entered() {
            return job(&self.seat());
        }
        let mut state = self.0.state.lock();
        state.jobs.push_back(Box::new(job));
        // One that was woken is idle until it has its job: count the jobs too.
        if state.jobs.len() <= state.idle {
            drop(state);
            self.0.wake.notify_one();
        } else if state.may_grow() {
            state.serving += 1;
            drop(state);
            self.start_thread();
        }
    }

    /// Lets the threads end when nothing is left to do.
    pub(crate) fn close(&self) {
        self.0.state.lock().closed = true;
        self.0.wake.notify_all();
    }

    fn seat(&self) -> Seat {
        Seat { pool: self.clone(), taken: Arc::new(Mutex::new(SeatState::Serving)) }
    }

    fn start_thread(&self) {
        let seat = self.seat();
        let thread = std::thread::Builder::new().name("celeriac-sync".to_owned());
        if let Err(error) = thread.spawn(move || seat.serve()) {
            tracing::error!(%error, "no thread for sync tasks could be started");
            self.0.state.lock().serving -= 1;
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.0.wake.wait(&mut state);
            state.idle -= 1;
        }
    }
}

impl Seat {
    fn serve(self) {
        while let Some(job) = self.pool.next_job() {
            job(&self);
            if !self.stays() {
                return;
            }
        }
        self.pool.0.state.lock().serving -= 1;
    }

    /// Whether the thread goes on after a job: one that was abandoned only if
    /// nobody took its place.
    fn stays(&self) -> bool {
        let mut taken = self.taken.lock();
        if *taken == SeatState::Serving {
            return true;
        }
        let mut state = self.pool.0.state.lock();
        state.abandoned -= 1;
        if !state.may_grow() {
            return false;
        }
        state.serving += 1;
        *taken = SeatState::Serving;
        true
    }

    /// Gives the thread up: it ends when its job does, and another one takes
    /// its place, unless too many are given up already.
    pub(crate) fn abandon(&self) {
        let mut taken = self.taken.lock();
        if *taken == SeatState::Abandoned {
            return;
        }
        *taken = SeatState::Abandoned;
        let mut state = self.pool.0.state.lock();
        state.abandoned += 1;
        state.serving -= 1;
        if !state.may_grow() {
            let abandoned = state.abandoned;
            tracing::error!(abandoned, "too many sync tasks hang; the pool shrinks");
            return;
        }
        state.serving += 1;
        drop((state, taken));
        self.pool.start_thread();
    }
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn an_abandoned_thread_is_replaced_and_counted_until_it_comes_back() {
        let threads = Threads::new(1);
        let (hold, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        threads.run(move |seat| {
            tell.send(seat.clone()).unwrap();
            let _ = held.recv();
        });
        told.recv().unwrap().abandon();
        assert_eq!(threads.abandoned(), 1);

        let (tell, told) = mpsc::channel();
        threads.run(move |_| tell.send("ran").unwrap());
        assert_eq!(told.recv().unwrap(), "ran", "another thread took its place");

        drop(hold);
        while threads.abandoned() > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn no_job_waits_for_another_while_a_thread_could_start() {
        for _ in 0..100 {
            let threads = Threads::new(2);
            threads.run(|_| {});
            while threads.0.state.lock().idle == 0 {
                std::thread::yield_now();
            }
            // Each waits for the other. The idle thread can take but one, also
            // if it has not woken before the second comes.
            let (tell, told) = mpsc::channel();
            let (first, second) = (mpsc::channel(), mpsc::channel());
            for (meet, met) in [(first.0, second.1), (second.0, first.1)] {
                let tell = tell.clone();
                threads.run(move |_| {
                    meet.send(()).unwrap();
                    met.recv().unwrap();
                    tell.send(()).unwrap();
                });
            }
            for _ in 0..2 {
                told.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
            }
        }
    }

    #[test]
    fn never_more_threads_than_its_size() {
        let threads = Threads::new(2);
        let (tell, told) = mpsc::channel();
        for _ in 0..50 {
            let tell = tell.clone();
            threads.run(move |_| tell.send(std::thread::current().id()).unwrap());
        }
        drop(tell);
        let ids: std::collections::HashSet<_> = told.into_iter().collect();
        assert!(ids.len() <= 2, "{ids:?}");
    }
}
