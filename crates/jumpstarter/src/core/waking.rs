//! Who is woken by what happens to an actor: its loop, and those who await a state.

use std::task::Waker;

use super::{AWAITED, COLD, Control, Core, FINISHED, WATCHED, state_of};
use crate::lifecycle::State;
use crate::sync::atomic::Ordering;

impl Core {
    /// Whose waker messages and control changes wake; called before the loop waits.
    /// A loop that never does, as it ends in its first poll, is spared the 6 atomic
    /// operations.
    #[inline]
    pub(crate) fn set_runner(&self, waker: &Waker) {
        if self.runner.get().is_none() {
            self.change_runner(waker);
        }
    }

    /// As [`set_runner`](Self::set_runner), if it was called with another waker.
    #[inline]
    pub(crate) fn keep_runner(&self, waker: &Waker) {
        if let Some(known) = self.runner.get()
            && (!known.will_wake(waker) || self.runner_moved.load(Ordering::Relaxed))
        {
            self.change_runner(waker);
        }
    }

    #[cold]
    fn change_runner(&self, waker: &Waker) {
        if self.runner.set(waker.clone()).is_err() {
            self.with_cold(|cold| cold.runner = Some(waker.clone()));
            self.runner_moved.store(true, Ordering::Release);
        }
        // Who changed the word before found nobody to wake; who changes it later
        // finds this one.
        if self.is_asked() {
            waker.wake_by_ref();
        }
    }

    /// Polls the actor's loop, soon.
    #[inline]
    pub(crate) fn wake_runner(&self) {
        if self.runner_moved.load(Ordering::Acquire) {
            let runner = self.peek_cold(|cold| cold.runner.clone()).flatten();
            if let Some(runner) = runner {
                runner.wake();
            }
        } else if let Some(runner) = self.runner.get() {
            runner.wake_by_ref();
        } else if self.is_dozing() {
            self.rouse();
        }
    }

    /// Wakes `waker` at the next change of the word, unless it is as awaited.
    pub(crate) fn watch(&self, waker: &Waker, reached: impl Fn(u32) -> bool) -> bool {
        self.register(waker, WATCHED, reached)
    }

    /// Wakes `waker` at the end for good, unless that has come.
    pub(crate) fn await_end(&self, waker: &Waker) -> bool {
        self.register(waker, AWAITED, |word| word & FINISHED != 0)
    }

    /// Looks at the word once more after the bit is set: who changes it later sees
    /// the bit, and waits for the lock.
    fn register(&self, waker: &Waker, bit: u32, reached: impl Fn(u32) -> bool) -> bool {
        if reached(self.word.load(Ordering::Acquire)) {
            return true;
        }
        let mut control = self.control.lock();
        let cold = if control.adds_to_cold(waker) { COLD } else { 0 };
        reached(self.word.fetch_or(bit | cold, Ordering::AcqRel))
    }

    /// After the state has changed.
    #[inline]
    pub(super) fn tell_watchers(&self, before: u32, after: u32) {
        if before & WATCHED != 0
            && (state_of(before) == State::Paused || is_awaited(state_of(after)))
        {
            self.wake_watchers(WATCHED);
        }
    }

    /// Wakes everyone who awaits something, if these bits say that it may be that.
    #[inline]
    pub(super) fn wake_watchers(&self, bits: u32) {
        if bits != 0 {
            self.wake_all();
        }
    }

    /// As [`wake_watchers`](Self::wake_watchers), at the end: nobody is added any more
    /// who would not see it.
    #[inline]
    pub(super) fn wake_last(&self, bits: u32) {
        if bits != 0 {
            wake_each(self.control.lock().take_watchers());
        }
    }

    fn wake_all(&self) {
        let watchers = {
            let mut control = self.control.lock();
            self.word.fetch_and(!(WATCHED | AWAITED), Ordering::AcqRel);
            control.take_watchers()
        };
        wake_each(watchers);
    }
}

fn wake_each((first, others): (Option<Waker>, Vec<Waker>)) {
    if let Some(first) = first {
        first.wake();
    }
    if others.capacity() > 0 {
        wake_others(others);
    }
}

/// Whether anyone awaits this state; others await the end of a pause. Those on the
/// way are passed by the loop itself, and what they lead to is told.
fn is_awaited(state: State) -> bool {
    state.is_started() || state == State::Crashed
}

impl Control {
    #[inline]
    fn take_watchers(&mut self) -> (Option<Waker>, Vec<Waker>) {
        let others = match self.cold.as_deref_mut() {
            Some(cold) => std::mem::take(&mut cold.watchers),
            None => Vec::new(),
        };
        (self.watcher.take(), others)
    }

    /// Adds one that awaits something; tells whether that took the cold block.
    fn adds_to_cold(&mut self, waker: &Waker) -> bool {
        match &self.watcher {
            None => self.watcher = Some(waker.clone()),
            Some(known) if known.will_wake(waker) => {}
            Some(_) => {
                let others = &mut self.cold.get_or_insert_default().watchers;
                if !others.iter().any(|known| known.will_wake(waker)) {
                    others.push(waker.clone());
                }
                return true;
            }
        }
        false
    }
}

#[cold]
fn wake_others(others: Vec<Waker>) {
    for watcher in others {
        watcher.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::super::{Kind, STOP};
    use super::*;
    use crate::path::Path;
    use crate::system::System;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn bell() -> (Arc<Bell>, Waker) {
        let bell = Arc::new(Bell::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn rung(bell: &Bell) -> usize {
        bell.0.swap(0, Ordering::Relaxed)
    }

    static KIND: Kind = Kind { type_name: || "Actor", hooked: false, refinement: None };

    fn core() -> Core {
        Core::new(System::new("test"), Path::new(None, "actor"), &KIND)
    }

    #[tokio::test]
    async fn the_loop_is_woken_by_its_last_waker() {
        let core = core();
        let ((first, first_waker), (second, second_waker)) = (bell(), bell());
        core.wake_runner();
        core.keep_runner(&first_waker);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (0, 0));
        core.set_runner(&first_waker);
        rung(&first);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (1, 0));
        core.keep_runner(&second_waker);
        core.raise(STOP);
        assert!(rung(&first) == 0 && rung(&second) > 0);
        core.keep_runner(&first_waker);
        core.wake_runner();
        assert!(rung(&first) > 0 && rung(&second) == 0);
    }

    #[tokio::test]
    async fn everyone_who_awaits_a_state_is_woken_once() {
        let core = core();
        let bells = [bell(), bell(), bell()];
        for (_, waker) in bells.iter().chain(&bells) {
            assert!(!core.watch(waker, |word| word & STOP != 0));
        }
        core.raise(STOP);
        core.raise(STOP);
        assert_eq!(bells.each_ref().map(|(bell, _)| rung(bell)), [1, 1, 1]);
        assert!(bells.iter().all(|(_, waker)| core.watch(waker, |word| word & STOP != 0)));
    }
}
