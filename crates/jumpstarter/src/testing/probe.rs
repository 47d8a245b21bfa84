//! An actor that records what it gets.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::actor::{Actor, Handler};
use crate::address::Address;
use crate::context::Context;
use crate::options::Options;
use crate::recipient::Recipient;
use crate::reply::{self, Reply};
use crate::system::System;

/// An actor that records every message it gets, and the test's view of it.
///
/// Works with a paused clock and with a running one; prefer the former, where
/// waiting in vain takes no time. Each `expect_…` that fails panics, and names
/// the place of its call.
///
/// ```
/// use jumpstarter::testing::{self, Probe};
/// use jumpstarter::{Options, Recipient, actor};
/// use std::time::Duration;
///
/// struct Doubler(Recipient<u64>);
///
/// #[actor]
/// impl Doubler {
///     #[handler]
///     async fn double(&mut self, n: u64) {
///         let _ = self.0.tell(2 * n).await;
///     }
/// }
///
/// testing::run(0, async |system| {
///     let mut probe = Probe::spawn(&system, "probe");
///     let out = probe.recipient();
///     let doubler = system.spawn("doubler", Options::default(), move || Doubler(out.clone()));
///     doubler.tell(4).await.unwrap();
///     assert_eq!(probe.expect_next(Duration::from_secs(1)).await, 8);
///     probe.expect_nothing(Duration::from_secs(60)).await;
///     doubler.tell(5).await.unwrap();
///     doubler.tell(6).await.unwrap();
///     doubler.stop().await;
///     assert_eq!(probe.received().await, [10, 12]);
/// });
/// ```
pub struct Probe<M: Send + 'static> {
    address: Address<Recorder<M>>,
    records: mpsc::UnboundedReceiver<M>,
}

impl<M: Send + 'static> Probe<M> {
    /// Starts a probe at the root of the tree, with a mailbox without a bound.
    pub fn spawn(system: &System, name: &str) -> Self {
        let (sender, records) = mpsc::unbounded_channel();
        let make = move || Recorder { records: sender.clone() };
        Probe { address: system.spawn(name, Options::default().unbounded(), make), records }
    }

    /// Where messages to the probe are sent.
    pub fn recipient(&self) -> Recipient<M> {
        self.address.recipient()
    }

    /// The probe's own actor; an `ask` is answered once the message is recorded.
    pub fn address(&self) -> &Address<impl Handler<M, Reply = ()> + use<M>> {
        &self.address
    }

    /// Awaits the next message, for `within` at most, and takes it.
    ///
    /// # Panics
    ///
    /// None comes in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, no message is lost.
    #[track_caller]
    pub fn expect_next(&mut self, within: Duration) -> impl Future<Output = M> + Send + use<'_, M> {
        let caller = Location::caller();
        async move {
            match timeout(within, self.records.recv()).await {
                Ok(Some(message)) => message,
                Ok(None) | Err(_) => {
                    self.disappointed(caller, &format!("nothing within {within:?}"))
                }
            }
        }
    }

    /// Makes sure that no message comes for the time of `within`.
    ///
    /// # Panics
    ///
    /// One comes.
    #[track_caller]
    pub fn expect_nothing(
        &mut self,
        within: Duration,
    ) -> impl Future<Output = ()> + Send + use<'_, M>
    where
        M: fmt::Debug,
    {
        let caller = Location::caller();
        async move {
            if let Ok(Some(message)) = timeout(within, self.records.recv()).await {
                self.disappointed(caller, &format!("{message:?} instead of nothing"));
            }
        }
    }

    /// Takes everything that was sent before this call and not taken yet, in
    /// order.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, no message is lost.
    pub async fn received(&mut self) -> Vec<M> {
        let (reply, recorded) = reply::channel();
        // A probe that has stopped has recorded all that it will.
        let cell = self.address.cell();
        if let Ok(receiver) = cell.mailbox.try_push(reply, Message::Flush) {
            cell.rouse(receiver);
            recorded.await;
        }
        std::iter::from_fn(|| self.records.try_recv().ok()).collect()
    }

    #[expect(clippy::panic, reason = "the test has failed")]
    fn disappointed(&self, caller: &Location<'_>, what: &str) -> ! {
        panic!("{caller}: probe {} got {what}", self.address.path())
    }
}

impl<M: Send + 'static> fmt::Debug for Probe<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("path", &self.address.path()).finish_non_exhaustive()
    }
}

struct Recorder<M> {
    records: mpsc::UnboundedSender<M>,
}

enum Message<M> {
    Record(M, Reply<()>),
    /// Answered when everything before it is recorded.
    Flush(Reply<()>),
}

impl<M: Send + 'static> Actor for Recorder<M> {
    type Message = Message<M>;

    async fn dispatch(&mut self, message: Message<M>, _ctx: &mut Context<Self>) {
        let reply = match message {
            Message::Record(message, reply) => {
                // Nobody misses it once the probe is dropped.
                let _ = self.records.send(message);
                reply
            }
            Message::Flush(reply) => reply,
        };
        reply.send(());
    }

    fn message_name(message: &Message<M>) -> &'static str {
        match message {
            Message::Record(..) => std::any::type_name::<M>(),
            Message::Flush(_) => "flush",
        }
    }
}

impl<M: Send + 'static> Handler<M> for Recorder<M> {
    type Reply = ();

    fn envelope(message: M, reply: Reply<()>) -> Message<M> {
        Message::Record(message, reply)
    }
}
