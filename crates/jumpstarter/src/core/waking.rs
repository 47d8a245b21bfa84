//! Who is woken by what happens to an actor: its loop, and those who await a state.

use std::task::Waker;

use super::{Control, Core, Watchers};
use crate::sync::atomic::Ordering;

impl Core {
    /// Whose waker messages and control changes wake.
    #[inline]
    pub(crate) fn set_runner(&self, waker: &Waker) {
        let known = self.runner.get_or_init(|| waker.clone());
        if !known.will_wake(waker) || self.runner_moved.load(Ordering::Relaxed) {
            self.move_runner(waker);
        }
    }

    #[cold]
    fn move_runner(&self, waker: &Waker) {
        self.with_cold(|cold| cold.runner = Some(waker.clone()));
        self.runner_moved.store(true, Ordering::Release);
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
        }
    }

    /// Wakes `waker` at the next control change; looks at the word under the
    /// same lock, so that no change is missed.
    pub(crate) fn watch(&self, waker: &Waker, reached: impl FnOnce(u32) -> bool) -> bool {
        let mut control = self.control.lock();
        if reached(self.word()) {
            return true;
        }
        if control.adds_to_cold(waker) {
            self.has_cold.store(true, Ordering::Relaxed);
        }
        false
    }
}

impl Control {
    #[inline]
    pub(super) fn take_watchers(&mut self) -> Watchers {
        let others = match self.cold.as_deref_mut() {
            Some(cold) => std::mem::take(&mut cold.watchers),
            None => Vec::new(),
        };
        (self.watcher.take(), others)
    }

    /// Adds one that awaits a state; tells whether that took the cold block.
    pub(super) fn adds_to_cold(&mut self, waker: &Waker) -> bool {
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

#[inline]
pub(super) fn wake_all((watcher, others): Watchers) {
    if let Some(watcher) = watcher {
        watcher.wake();
    }
    if others.capacity() > 0 {
        wake_others(others);
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
        Core::new(System::new("test"), None, Path::root("actor"), &KIND)
    }

    #[tokio::test]
    async fn the_loop_is_woken_by_its_last_waker() {
        let core = core();
        let ((first, first_waker), (second, second_waker)) = (bell(), bell());
        core.wake_runner();
        core.set_runner(&first_waker);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (1, 0));
        core.set_runner(&second_waker);
        core.raise(STOP);
        assert_eq!((rung(&first), rung(&second)), (0, 1));
        core.set_runner(&first_waker);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (1, 0));
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
