//! Telling, asking, order, room, and what happens to messages at the end.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::{
    AskError, Context, DeadLetterReason, Event, Exit, Options, Recipient, Reply, State, System,
    TryTellError, actor,
};
use tokio::sync::oneshot;

use crate::probe::Probe;

pub(crate) struct Counter {
    n: u64,
    held: Vec<Reply<u64>>,
    probe: Probe,
}

struct Add(u64);
struct Get;
struct Slow;
struct Answer;
/// Blocks the actor until the sender is dropped.
struct Wait(oneshot::Receiver<()>);

#[actor]
impl Counter {
    fn new(probe: Probe) -> Self {
        Counter { n: 0, held: Vec::new(), probe }
    }

    #[handler]
    fn add(&mut self, m: Add) {
        self.n += m.0;
        self.probe.note(format!("add {}", m.0));
    }

    #[handler]
    async fn get(&mut self, _m: Get, ctx: &mut Context<Self>) -> u64 {
        assert_eq!(ctx.path(), "counter");
        self.n
    }

    #[handler]
    fn slow(&mut self, _m: Slow, reply: Reply<u64>) {
        self.held.push(reply);
    }

    #[handler]
    fn answer(&mut self, _m: Answer) {
        for reply in self.held.drain(..) {
            reply.send(self.n);
        }
    }

    #[handler]
    async fn wait(&mut self, m: Wait) {
        let _ = m.0.await;
    }

    #[after_batch]
    async fn flush(&mut self, _ctx: &mut Context<Self>) {
        self.probe.note("batch");
    }
}

fn counter(options: Options) -> (System, jumpstarter::Address<Counter>, Probe) {
    let system = System::new("test");
    let probe = Probe::default();
    let noted = probe.clone();
    let address = system.spawn("counter", options, move || Counter::new(noted.clone()));
    (system, address, probe)
}

#[tokio::test]
async fn tells_and_asks_keep_their_order() {
    let (system, counter, probe) = counter(Options::default());
    counter.started().await.unwrap();
    assert_eq!(counter.lifecycle(), State::Healthy);
    for n in 1..=3 {
        counter.tell(Add(n)).await.unwrap();
    }
    assert_eq!(counter.ask(Get).await, Ok(6));
    assert_eq!(counter.ask(Add(4)).await, Ok(()));
    assert_eq!(probe.take(), ["add 1", "add 2", "add 3", "batch", "add 4", "batch"]);
    assert!(system.shutdown(Duration::from_secs(1)).await.is_clean());
}

#[tokio::test]
async fn a_batch_is_no_longer_than_asked_for() {
    let (_system, counter, probe) = counter(Options::default().batch(2));
    for n in 1..=5 {
        counter.try_tell(Add(n)).unwrap();
    }
    counter.stop().await;
    let expected = ["add 1", "add 2", "batch", "add 3", "add 4", "batch", "add 5", "batch"];
    assert_eq!(probe.take(), expected);
}

#[tokio::test]
async fn a_deferred_reply_comes_when_it_is_sent() {
    let (_system, counter, _probe) = counter(Options::default());
    let asked = counter.ask(Slow);
    tokio::pin!(asked);
    assert!(asked.as_mut().now_or_never().is_none());
    counter.tell(Add(7)).await.unwrap();
    counter.tell(Answer).await.unwrap();
    assert_eq!(asked.await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn an_ask_can_fail_in_three_ways() {
    let (_system, counter, _probe) = counter(Options::default());
    let limit = Duration::from_secs(3);
    assert_eq!(counter.ask_timeout(Slow, limit).await, Err(AskError::Timeout(limit)));
    let asked = counter.ask(Slow);
    tokio::pin!(asked);
    assert!(asked.as_mut().now_or_never().is_none());
    assert!(matches!(counter.stop().await, Exit::Stopped));
    assert_eq!(asked.await, Err(AskError::NoReply));
    assert_eq!(counter.ask(Get).await, Err(AskError::Closed));
}

#[tokio::test]
async fn a_full_mailbox_gives_the_message_back_or_makes_wait_in_line() {
    let (_system, counter, probe) = counter(Options::default().mailbox(2));
    let (release, gate) = oneshot::channel();
    counter.tell(Wait(gate)).await.unwrap();
    tokio::task::yield_now().await;
    counter.try_tell(Add(1)).unwrap();
    counter.try_tell(Add(2)).unwrap();
    let Err(TryTellError::Full(Add(3))) = counter.try_tell(Add(3)) else { panic!("not full") };
    let third = counter.tell(Add(3));
    let given_up = counter.tell(Add(99));
    let recipient: Recipient<Add> = counter.recipient();
    let fourth = recipient.tell(Add(4));
    tokio::pin!(third, fourth);
    assert!(third.as_mut().now_or_never().is_none());
    {
        tokio::pin!(given_up);
        assert!(given_up.as_mut().now_or_never().is_none());
        assert!(fourth.as_mut().now_or_never().is_none());
        // Leaves the line here.
    }
    drop(release);
    third.await.unwrap();
    fourth.await.unwrap();
    counter.stop().await;
    let added: Vec<String> =
        probe.take().into_iter().filter(|noted| noted.starts_with("add")).collect();
    assert_eq!(added, ["add 1", "add 2", "add 3", "add 4"]);
}

#[tokio::test]
async fn a_stop_works_off_what_was_accepted_and_refuses_the_rest() {
    let (system, counter, probe) = counter(Options::default());
    let mut events = system.events();
    counter.try_tell(Add(1)).unwrap();
    let stopping = counter.stop();
    let Err(TryTellError::Closed(Add(2))) = counter.try_tell(Add(2)) else { panic!("open") };
    stopping.await;
    assert_eq!(probe.take(), ["add 1", "batch"]);
    assert_eq!(system.dead_letters(), 1);
    assert_eq!(counter.lifecycle(), State::Stopped);
    let letter = std::iter::from_fn(|| events.try_next())
        .find(|event| matches!(event, Event::DeadLetter { .. }));
    let Some(Event::DeadLetter { path, message, reason }) = letter else { panic!("no letter") };
    assert_eq!(path, "counter");
    assert!(message.ends_with("Add"), "{message}");
    assert_eq!(reason, DeadLetterReason::Closed);
}

#[tokio::test]
async fn what_a_quick_stop_leaves_over_is_counted() {
    let (system, counter, probe) = counter(Options::default());
    let (release, gate) = oneshot::channel();
    counter.tell(Wait(gate)).await.unwrap();
    tokio::task::yield_now().await;
    counter.try_tell(Add(1)).unwrap();
    counter.try_tell(Add(2)).unwrap();
    let stopping = counter.stop_now();
    drop(release);
    stopping.await;
    assert_eq!(probe.take(), ["batch"]);
    assert_eq!(system.dead_letters(), 2);
}

#[tokio::test]
async fn a_kill_ends_a_handler_at_its_await() {
    let (_system, counter, _probe) = counter(Options::default());
    let (_never, gate) = oneshot::channel();
    counter.tell(Wait(gate)).await.unwrap();
    tokio::task::yield_now().await;
    assert!(matches!(counter.kill().await, Exit::Killed));
    assert_eq!(counter.lifecycle(), State::Stopped);
}

#[tokio::test]
async fn a_pause_halts_and_keeps_messages() {
    let (_system, counter, probe) = counter(Options::default());
    counter.started().await.unwrap();
    counter.pause().await.unwrap();
    assert_eq!(counter.pause().await.unwrap_err().to_string(), "pause while started.paused");
    counter.try_tell(Add(1)).unwrap();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(probe.take().is_empty());
    counter.resume().await.unwrap();
    assert_eq!(counter.ask(Get).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_on_its_own_thread_may_block() {
    let (system, counter, _probe) = counter(Options::default().dedicated_thread());
    for n in 1..=1000 {
        counter.tell(Add(n)).await.unwrap();
    }
    assert_eq!(counter.ask(Get).await, Ok(500_500));
    assert!(system.shutdown(Duration::from_secs(5)).await.is_clean());
}

struct Store<T> {
    value: Option<T>,
}

struct Put<T>(T);
struct Take;

#[actor]
impl<T: Clone + Send + 'static> Store<T>
where
    T: std::fmt::Debug,
{
    #[handler]
    fn put(&mut self, m: Put<T>) -> Option<T> {
        self.value.replace(m.0)
    }

    #[handler]
    fn take(&mut self, _m: Take) -> Option<T> {
        self.value.take()
    }
}

#[tokio::test]
async fn actors_may_be_generic() {
    let system = System::new("test");
    let store = system.spawn("store", Options::default(), || Store { value: None });
    assert_eq!(store.ask(Put("a")).await, Ok(None));
    assert_eq!(store.ask(Put("b")).await, Ok(Some("a")));
    assert_eq!(store.ask(Take).await, Ok(Some("b")));
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn the_futures_can_be_sent() {
    let (_system, counter, _probe) = counter(Options::default());
    fn boxed<T>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> std::pin::Pin<Box<dyn Future<Output = T> + Send>> {
        Box::pin(future)
    }
    let address = is_send(counter.clone());
    let told = boxed(async move {
        address.tell(Add(1)).await.unwrap();
        address.ask(Get).await
    });
    assert_eq!(told.await, Ok(1));
}
