//! A bug planted on purpose, to see that it is found: a mailbox that looks
//! whether it is empty in one lock, and parks the actor in another.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{explore, on_thread};
use crate::sync::Mutex;

/// Where the actor looks and parks.
#[derive(Clone, Copy)]
enum Parking {
    UnderOneLock,
    /// A message that comes in between wakes nobody.
    UnderTwoLocks,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<u32>,
    parked: Option<Waker>,
}

struct Letterbox {
    inner: Mutex<Inner>,
    parking: Parking,
}

impl Letterbox {
    fn push(&self, message: u32) {
        let parked = {
            let mut inner = self.inner.lock();
            inner.messages.push_back(message);
            inner.parked.take()
        };
        if let Some(actor) = parked {
            actor.wake();
        }
    }

    async fn take(&self) -> VecDeque<u32> {
        poll_fn(|cx| {
            let mut inner = self.inner.lock();
            let taken = std::mem::take(&mut inner.messages);
            if !taken.is_empty() {
                return Poll::Ready(taken);
            }
            match self.parking {
                Parking::UnderOneLock => inner.parked = Some(cx.waker().clone()),
                Parking::UnderTwoLocks => {
                    drop(inner);
                    self.inner.lock().parked = Some(cx.waker().clone());
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn two_senders(parking: Parking) {
    explore(move || {
        let letterbox = Arc::new(Letterbox { inner: Mutex::default(), parking });
        let taker = Arc::clone(&letterbox);
        let actor = on_thread(async move {
            let mut all = Vec::new();
            while all.len() < 2 {
                all.extend(taker.take().await);
            }
            all
        });
        let sender = |number| {
            let letterbox = Arc::clone(&letterbox);
            on_thread(async move { letterbox.push(number) })
        };
        let senders = [sender(1), sender(2)];
        for sender in senders {
            sender.join().unwrap();
        }
        let mut all = actor.join().unwrap();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

#[test]
fn a_lost_wake_up_is_found() {
    two_senders(Parking::UnderOneLock);
    let found = catch_unwind(|| two_senders(Parking::UnderTwoLocks));
    let payload = found.expect_err("the planted bug was not found");
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("deadlock"), "{message}");
}
