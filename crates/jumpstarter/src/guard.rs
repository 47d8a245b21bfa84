//! What stands between an actor's code and its runner: panics are caught, a
//! kill drops the code at its await, a request to end interrupts.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::core::{Core, ENDING, KILL, has_crashed};
use crate::error::Crash;
use crate::span::ActorSpan;

/// Why guarded code did not come to its end.
pub(crate) enum Broken {
    Killed,
    Panicked(Crash),
}

pin_project! {
    /// Polls a future of the actor inside of its span. Registers the runner's waker if
    /// that waits, so that control changes reach it.
    pub(crate) struct Guarded<'a, F> {
        core: &'a Core,
        span: &'a ActorSpan,
        #[pin]
        future: F,
    }
}

impl<'a, F> Guarded<'a, F> {
    pub(crate) fn new(core: &'a Core, span: &'a ActorSpan, future: F) -> Self {
        Guarded { core, span, future }
    }
}

impl<F: Future> Future for Guarded<'_, F> {
    type Output = Result<F::Output, Broken>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.core.keep_runner(cx.waker());
        if this.core.word() & KILL != 0 {
            return Poll::Ready(Err(Broken::Killed));
        }
        if let Some(crash) = this.core.injection.take() {
            return Poll::Ready(Err(Broken::Panicked(crash)));
        }
        let future = this.future;
        let _entered = this.span.enter();
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => {
                this.core.set_runner(cx.waker());
                Poll::Pending
            }
            Err(payload) => {
                let crash = Crash::from_panic(payload.as_ref());
                Poll::Ready(Err(Broken::Panicked(crash)))
            }
        }
    }
}

pin_project! {
    /// See [`unless`].
    pub(crate) struct Unless<'a, F> {
        core: &'a Core,
        interrupted: fn(u32) -> bool,
        #[pin]
        future: F,
    }
}

/// Gives up on the future (`None`) when the state word says so. Control changes
/// wake the runner, so this belongs into the runner's own future.
pub(crate) fn unless<F: Future>(
    core: &Core,
    interrupted: fn(u32) -> bool,
    future: F,
) -> Unless<'_, F> {
    Unless { core, interrupted, future }
}

/// The actor is asked to end.
pub(crate) fn ending(word: u32) -> bool {
    word & ENDING != 0
}

/// The actor is asked to end, or has crashed.
pub(crate) fn ending_or_crashed(word: u32) -> bool {
    ending(word) || has_crashed(word)
}

impl<F: Future> Future for Unless<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.core.set_runner(cx.waker());
        this.core.keep_runner(cx.waker());
        if (this.interrupted)(this.core.word()) {
            return Poll::Ready(None);
        }
        this.future.poll(cx).map(Some)
    }
}
