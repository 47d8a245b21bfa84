//! Handing several frames to a channel in their order.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures_util::future::maybe_done;

/// Waits for all of these. The first time that it is polled it polls each of
/// them, in order: what they send is sent in that order, with nothing of the
/// same task in between. (`join_all` may stop half-way to let others run.)
pub(crate) async fn hand_over<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all = Vec::from_iter(futures.into_iter().map(|one| Box::pin(maybe_done(one))));
    poll_fn(|context| {
        for one in &mut all {
            let _ = one.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(all.len());
    for mut one in all {
        one.as_mut().await;
        outputs.extend(one.as_mut().take_output());
    }
    outputs
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn all_are_begun_in_order_by_the_first_poll() {
        let begun = RefCell::new(Vec::new());
        let futures = (0..100).map(|number| {
            let begun = &begun;
            async move {
                begun.borrow_mut().push(number);
                poll_fn(|context| {
                    // `join_all` stops when it is woken by what it polls.
                    context.waker().wake_by_ref();
                    Poll::<()>::Pending
                })
                .await;
            }
        });
        let mut handed = Box::pin(hand_over(futures));
        let first = poll_fn(|context| Poll::Ready(handed.as_mut().poll(context)));
        assert!(first.await.is_pending());
        assert_eq!(*begun.borrow(), Vec::from_iter(0..100));
    }

    #[tokio::test]
    async fn outputs_are_in_order() {
        let futures = (0..100).map(|number| async move {
            if number % 3 == 0 {
                tokio::task::yield_now().await;
            }
            number
        });
        assert_eq!(hand_over(futures).await, Vec::from_iter(0..100));
    }
}
