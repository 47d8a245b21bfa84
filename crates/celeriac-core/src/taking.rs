//! A taking: the part of a pull that goes on when its caller does not.
//!
//! A pull may be dropped at any moment, and has then taken nothing. A driver
//! that has asked a server can't take the question back: the answer holds
//! messages that nobody waits for. So the asking runs as a [`take`] of its own,
//! and what comes too late is given back before anybody looks again
//! ([`Departures`]). This module needs no runtime: a driver hands in its
//! spawner ([`Origin`]).

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use futures_channel::oneshot;

use crate::BoxFuture;
use crate::broker::{Delivery, Settlement, Verdict};
use crate::error::Result;

/// Where deliveries are taken from: what a driver's consumers have in common.
pub trait Origin: Send + Sync + 'static {
    /// Runs a future to its end, whoever waits for it. One that can't be run
    /// any more is dropped.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// Gives deliveries back that nobody has seen. Those that can't be given
    /// back are left to their lease, or their connection.
    fn give_back(&self, batch: Vec<Settlement>) -> BoxFuture<'_, ()>;

    /// What is on its way back.
    fn departures(&self) -> &Departures;
}

/// What gives deliveries back.
#[must_use]
pub fn requeue(deliveries: &[Delivery]) -> Vec<Settlement> {
    let requeue =
        |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Requeue };
    deliveries.iter().map(requeue).collect()
}

/// Takes deliveries. When the future is dropped the taking goes on, and what
/// came is given back; [`Departures::over`] waits for that.
///
/// `None` when the taking was dropped by the origin's spawner.
///
/// # Errors
/// Those of the taking.
pub async fn take<O, T, F>(origin: &Arc<O>, taking: T) -> Option<Result<Vec<Delivery>>>
where
    O: Origin,
    T: FnOnce(Caller) -> F,
    F: Future<Output = Result<Taken<O>>> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let (waiting, caller) = oneshot::channel();
    let late = Late::default();
    let mut asking =
        Asking { departures: origin.departures(), late: late.clone(), answered, _waiting: waiting };
    let taken = taking(Caller(caller));
    origin.spawn(Box::pin(async move {
        let result = taken.await;
        if let Err(Ok(taken)) = answer.send(result) {
            let (origin, deliveries) = taken.into_parts();
            origin.give_back(requeue(&deliveries)).await;
        }
        drop(late);
    }));
    let answer = (&mut asking.answered).await.ok()?;
    Some(answer.map(|taken| taken.into_parts().1))
}

/// The caller of a taking, as the taking sees it.
#[derive(Debug)]
pub struct Caller(oneshot::Receiver<Infallible>);

impl Caller {
    /// Ends when nobody waits for the taking any more.
    pub async fn gone(&mut self) {
        // It is never told anything: it is dropped.
        let _ = (&mut self.0).await;
    }
}

/// What is still under way after its caller gave up: others wait for its end.
type Late = Arc<Mutex<Option<Departure>>>;

/// A caller who waits for what is taken.
struct Asking<'a, O: Origin> {
    departures: &'a Departures,
    late: Late,
    answered: oneshot::Receiver<Result<Taken<O>>>,
    _waiting: oneshot::Sender<Infallible>,
}

impl<O: Origin> Drop for Asking<'_, O> {
    fn drop(&mut self) {
        // If the taking has ended, nobody else holds this, and nobody waits.
        *lock(&self.late) = Some(self.departures.begin());
    }
}

/// Deliveries that nobody has seen yet; dropped, they go back.
pub struct Taken<O: Origin> {
    origin: Arc<O>,
    deliveries: Vec<Delivery>,
}

impl<O: Origin> Taken<O> {
    /// Nothing yet.
    #[must_use]
    pub fn new(origin: &Arc<O>) -> Self {
        Self { origin: origin.clone(), deliveries: Vec::new() }
    }

    /// The deliveries.
    pub fn deliveries(&mut self) -> &mut Vec<Delivery> {
        &mut self.deliveries
    }

    fn into_parts(mut self) -> (Arc<O>, Vec<Delivery>) {
        (self.origin.clone(), std::mem::take(&mut self.deliveries))
    }
}

impl<O: Origin> Drop for Taken<O> {
    fn drop(&mut self) {
        let deliveries = std::mem::take(&mut self.deliveries);
        if deliveries.is_empty() {
            return;
        }
        let (origin, departure) = (self.origin.clone(), self.origin.departures().begin());
        self.origin.spawn(Box::pin(async move {
            origin.give_back(requeue(&deliveries)).await;
            drop(departure);
        }));
    }
}

impl<O: Origin> std::fmt::Debug for Taken<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("deliveries", &self.deliveries).finish_non_exhaustive()
    }
}

/// What goes back without its caller waiting for it, and those who wait until
/// it is there. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Departures(Arc<Mutex<Away>>);

#[derive(Debug, Default)]
struct Away {
    count: usize,
    waiting: Vec<Waker>,
}

/// Something on its way back; it is there when this is dropped.
#[derive(Debug)]
#[must_use = "it is there when this is dropped"]
pub struct Departure(Departures);

impl Departures {
    /// Something goes back.
    pub fn begin(&self) -> Departure {
        lock(&self.0).count += 1;
        Departure(self.clone())
    }

    /// Waits until nothing is on its way.
    pub async fn over(&self) {
        poll_fn(|context| {
            let mut away = lock(&self.0);
            if away.count == 0 {
                return Poll::Ready(());
            }
            if !away.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                away.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let mut away = lock(&self.0.0);
        away.count -= 1;
        if away.count > 0 {
            return;
        }
        let waiting = std::mem::take(&mut away.waiting);
        drop(away);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;
    use crate::broker::{Receipt, Undecodable};
    use crate::{Error, ErrorKind, MessageId};

    /// An origin whose futures run when the test says so.
    #[derive(Default)]
    struct Bench {
        departures: Departures,
        spawned: Mutex<Vec<BoxFuture<'static, ()>>>,
        given_back: Mutex<Vec<Receipt>>,
        is_slow: Mutex<bool>,
    }

    impl Origin for Bench {
        fn spawn(&self, future: BoxFuture<'static, ()>) {
            lock(&self.spawned).push(future);
        }

        fn give_back(&self, batch: Vec<Settlement>) -> BoxFuture<'_, ()> {
            Box::pin(async move {
                poll_fn(|_| if *lock(&self.is_slow) { Poll::Pending } else { Poll::Ready(()) })
                    .await;
                assert!(batch.iter().all(|one| one.verdict == Verdict::Requeue));
                let receipts = batch.iter().map(|settlement| settlement.receipt);
                lock(&self.given_back).extend(receipts);
            })
        }

        fn departures(&self) -> &Departures {
            &self.departures
        }
    }

    impl Bench {
        /// Polls each spawned future once; those that end are gone.
        fn run(&self) {
            let running = std::mem::take(&mut *lock(&self.spawned));
            for mut future in running {
                if poll(&mut future).is_pending() {
                    lock(&self.spawned).push(future);
                }
            }
        }

        fn given_back(&self) -> Vec<u64> {
            lock(&self.given_back).iter().map(|receipt| receipt.0).collect()
        }

        fn is_quiet(&self) -> bool {
            poll(&mut Box::pin(self.departures.over())).is_ready()
        }
    }

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn delivery(number: u64) -> Delivery {
        let (id, queue) = (MessageId::from_bytes([0; 16]), "q".into());
        let raw = bytes::Bytes::new();
        let payload = Err(Box::new(Undecodable { id, queue, raw, reason: String::new() }));
        Delivery { receipt: Receipt(number), redelivered: false, deaths: 0, payload }
    }

    /// A taking of two deliveries that come when the sender is used.
    fn slow(bench: &Arc<Bench>) -> (oneshot::Sender<()>, BoxFuture<'static, Result<Taken<Bench>>>) {
        let (arrive, arrival) = oneshot::channel();
        let mut taken = Taken::new(bench);
        let taking = async move {
            let _ = arrival.await;
            taken.deliveries().extend([delivery(1), delivery(2)]);
            Ok(taken)
        };
        (arrive, Box::pin(taking))
    }

    #[test]
    fn a_caller_who_waits_has_what_was_taken() {
        let bench = Arc::new(Bench::default());
        let (arrive, taking) = slow(&bench);
        let mut pull = Box::pin(take(&bench, |_| taking));
        assert!(poll(&mut pull).is_pending());
        arrive.send(()).unwrap();
        bench.run();
        let Poll::Ready(Some(Ok(taken))) = poll(&mut pull) else { panic!("nothing came") };
        drop(pull);
        assert_eq!(taken.len(), 2);
        assert!(bench.given_back().is_empty() && bench.is_quiet());
    }

    #[test]
    fn what_comes_after_the_caller_gave_up_goes_back_before_others_look() {
        let bench = Arc::new(Bench::default());
        let (arrive, taking) = slow(&bench);
        let mut pull = Box::pin(take(&bench, |_| taking));
        assert!(poll(&mut pull).is_pending());
        bench.run();
        assert!(bench.is_quiet(), "a pull that waits holds up nobody");
        drop(pull);
        assert!(!bench.is_quiet());
        *lock(&bench.is_slow) = true;
        arrive.send(()).unwrap();
        bench.run();
        assert!(!bench.is_quiet(), "it is still on its way");
        *lock(&bench.is_slow) = false;
        bench.run();
        assert_eq!(bench.given_back(), [1, 2]);
        assert!(bench.is_quiet());
    }

    #[test]
    fn what_came_but_was_not_looked_at_goes_back() {
        let bench = Arc::new(Bench::default());
        let (arrive, taking) = slow(&bench);
        let mut pull = Box::pin(take(&bench, |_| taking));
        assert!(poll(&mut pull).is_pending());
        arrive.send(()).unwrap();
        bench.run();
        drop(pull);
        assert!(!bench.is_quiet());
        bench.run();
        assert_eq!(bench.given_back(), [1, 2]);
        assert!(bench.is_quiet());
    }

    #[test]
    fn a_pull_that_was_never_polled_asks_for_nothing() {
        let bench = Arc::new(Bench::default());
        let (_arrive, taking) = slow(&bench);
        drop(take(&bench, |_| taking));
        assert!(lock(&bench.spawned).is_empty() && bench.is_quiet());
    }

    #[test]
    fn a_taking_sees_that_its_caller_is_gone() {
        let bench = Arc::new(Bench::default());
        let empty = Taken::new(&bench);
        let taking = |mut caller: Caller| async move {
            caller.gone().await;
            Ok(empty)
        };
        let mut pull = Box::pin(take(&bench, taking));
        assert!(poll(&mut pull).is_pending());
        bench.run();
        assert_eq!(lock(&bench.spawned).len(), 1, "it waits with its caller");
        drop(pull);
        bench.run();
        assert!(lock(&bench.spawned).is_empty() && bench.is_quiet());
    }

    #[test]
    fn a_failure_is_told_and_a_taking_that_was_dropped_is_no_answer() {
        let bench = Arc::new(Bench::default());
        let failed = async { Err(Error::new(ErrorKind::Unreachable, "pull", "gone")) };
        let mut pull = Box::pin(take(&bench, |_| failed));
        assert!(poll(&mut pull).is_pending());
        bench.run();
        assert!(matches!(poll(&mut pull), Poll::Ready(Some(Err(_)))));

        let (_arrive, taking) = slow(&bench);
        let mut pull = Box::pin(take(&bench, |_| taking));
        assert!(poll(&mut pull).is_pending());
        lock(&bench.spawned).clear();
        assert!(matches!(poll(&mut pull), Poll::Ready(None)));
        drop(pull);
        assert!(bench.is_quiet());
    }

    #[test]
    fn everybody_who_waits_is_woken() {
        struct Count(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let departures = Departures::default();
        let (one, other) = (departures.begin(), departures.begin());
        let counts = [(); 2].map(|()| Arc::new(Count(0.into())));
        let mut waits = [(); 2].map(|()| Box::pin(departures.over()));
        for (wait, count) in waits.iter_mut().zip(&counts) {
            let waker = Waker::from(count.clone());
            for _ in 0..2 {
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        drop(one);
        assert!(poll(&mut waits[0]).is_pending());
        drop(other);
        let woken = counts.map(|count| count.0.load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!(woken, [1, 1]);
        assert!(waits.iter_mut().all(|wait| poll(wait).is_ready()));
    }
}
