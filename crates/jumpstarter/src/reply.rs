//! The way back of an `ask`: a slot that the handler fills and the asker awaits.
//!
//! One allocation per ask; a `tell` carries an empty [`Reply`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Where a handler sends its answer.
///
/// A handler that takes a `Reply` answers when it likes: it may keep the value,
/// pass it to another actor or to a future. Dropping it unused tells the asker
/// that there will be no answer. For a message that was told, not asked, it
/// leads nowhere.
pub struct Reply<R> {
    asker: Option<oneshot::Sender<R>>,
}

impl<R> Reply<R> {
    /// A reply nobody waits for.
    #[inline]
    pub(crate) const fn nobody() -> Self {
        Reply { asker: None }
    }

    /// Answers. If the asker has given up, or never waited, the value is dropped.
    #[inline]
    pub fn send(self, value: R) {
        if let Some(asker) = self.asker {
            // The asker may have given up.
            let _ = asker.send(value);
        }
    }

    /// Whether nobody waits for the answer (any more): the work for it can be
    /// skipped.
    pub fn is_closed(&self) -> bool {
        self.asker.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("asked", &self.asker.is_some()).finish()
    }
}

/// The asker's end. `None`: the reply was dropped.
pub(crate) struct Answer<R> {
    answer: oneshot::Receiver<R>,
}

/// A connected pair.
pub(crate) fn channel<R>() -> (Reply<R>, Answer<R>) {
    let (asker, answer) = oneshot::channel();
    (Reply { asker: Some(asker) }, Answer { answer })
}

impl<R> Future for Answer<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        Pin::new(&mut self.answer).poll(cx).map(Result::ok)
    }
}
