//! Ractor. A supervisor starts a crashed child again by hand; the child's
//! mailbox is lost, so that each crash is sent to a fresh child.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ractor::{
    Actor, ActorProcessingErr, ActorRef, ActorRuntime, RpcReplyPort, SupervisionEvent, call,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::framework::{Failure, Framework};

pub struct Ractor;

type Handled = Result<(), ActorProcessingErr>;

struct Counter;

pub enum Message {
    Add(u64),
    Get(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Message;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Message>, message: Message, sum: &mut u64) -> Handled {
        match message {
            Message::Add(more) => *sum += more,
            Message::Get(reply) => reply.send(*sum)?,
        }
        Ok(())
    }
}

impl Framework for Ractor {
    type Counter = (ActorRef<Message>, JoinHandle<()>);

    async fn spawn() -> Result<Self::Counter> {
        Ok(Actor::spawn(None, Counter, ()).await?)
    }

    async fn tell((counter, _): &Self::Counter, more: u64) -> Result<()> {
        counter.cast(Message::Add(more)).map_err(|_| anyhow!("closed"))
    }

    async fn ask((counter, _): &Self::Counter) -> Result<u64> {
        call!(counter, Message::Get).map_err(|_| anyhow!("no reply"))
    }

    async fn stop((counter, task): Self::Counter) -> Result<()> {
        counter.stop(None);
        Ok(task.await?)
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let (first, _) = Actor::spawn(None, Node, (None, None)).await?;
        let mut next = first.clone();
        for _ in 1..nodes {
            (next, _) = Actor::spawn(None, Node, (Some(next), None)).await?;
        }
        first.cast(Token::Link(next, done))?;
        let begun = Instant::now();
        first.cast(Token::Hop(hops))?;
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (done, sum) = oneshot::channel();
        Actor::spawn(None, Sky, (Above::Outside(done), 0, leaves)).await?;
        Ok(sum.await?)
    }

    async fn restart(how: Failure, times: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let begun = Instant::now();
        Actor::spawn(None, Supervisor, (how, times, done)).await?;
        finished.await?;
        Ok(begun.elapsed())
    }
}

struct Node;

enum Token {
    Link(ActorRef<Token>, oneshot::Sender<()>),
    Hop(u64),
}

type Links = (Option<ActorRef<Token>>, Option<oneshot::Sender<()>>);

impl Actor for Node {
    type Msg = Token;
    type State = Links;
    type Arguments = Links;

    async fn pre_start(
        &self,
        _: ActorRef<Token>,
        links: Links,
    ) -> Result<Links, ActorProcessingErr> {
        Ok(links)
    }

    async fn handle(&self, _: ActorRef<Token>, token: Token, links: &mut Links) -> Handled {
        match token {
            Token::Link(next, done) => *links = (Some(next), Some(done)),
            Token::Hop(0) => {
                if let Some(done) = links.1.take() {
                    let _ = done.send(());
                }
            }
            Token::Hop(left) => {
                if let Some(next) = &links.0 {
                    next.cast(Token::Hop(left - 1))?;
                }
            }
        }
        Ok(())
    }
}

struct Sky;

enum Above {
    Outside(oneshot::Sender<u64>),
    Parent(ActorRef<u64>),
}

struct SkyState {
    above: Option<Above>,
    sum: u64,
    missing: u32,
}

impl SkyState {
    fn give(&mut self, sum: u64, myself: &ActorRef<u64>) {
        match self.above.take() {
            Some(Above::Outside(done)) => drop(done.send(sum)),
            Some(Above::Parent(parent)) => drop(parent.cast(sum)),
            None => {}
        }
        myself.stop(None);
    }
}

impl Actor for Sky {
    type Msg = u64;
    type State = SkyState;
    type Arguments = (Above, u64, u64);

    async fn pre_start(
        &self,
        myself: ActorRef<u64>,
        (above, from, leaves): Self::Arguments,
    ) -> Result<SkyState, ActorProcessingErr> {
        let mut state = SkyState { above: Some(above), sum: 0, missing: 10 };
        if leaves == 1 {
            state.give(from, &myself);
            return Ok(state);
        }
        let leaves = leaves / 10;
        for n in 0..10 {
            let arguments = (Above::Parent(myself.clone()), from + n * leaves, leaves);
            // Not awaited, as the others do not wait for the start either.
            ActorRuntime::spawn_linked_instant(None, Sky, arguments, myself.get_cell())?;
        }
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<u64>, part: u64, state: &mut SkyState) -> Handled {
        state.sum += part;
        state.missing -= 1;
        if state.missing == 0 {
            state.give(state.sum, &myself);
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<u64>,
        _: SupervisionEvent,
        _: &mut SkyState,
    ) -> Handled {
        Ok(())
    }
}

struct Supervisor;
struct Worker;

type Remaining = (Failure, u64, Option<oneshot::Sender<()>>);

impl Supervisor {
    async fn send_crash(myself: &ActorRef<()>, how: Failure) -> Handled {
        let (worker, _) = Actor::spawn_linked(None, Worker, (), myself.get_cell()).await?;
        worker.cast(Crash(how))?;
        Ok(())
    }
}

struct Crash(Failure);

impl Actor for Supervisor {
    type Msg = ();
    type State = Remaining;
    type Arguments = (Failure, u64, oneshot::Sender<()>);

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (how, times, done): Self::Arguments,
    ) -> Result<Remaining, ActorProcessingErr> {
        Self::send_crash(&myself, how).await?;
        Ok((how, times, Some(done)))
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (how, times, done): &mut Remaining,
    ) -> Handled {
        if !matches!(event, SupervisionEvent::ActorFailed(..)) {
            return Ok(());
        }
        *times -= 1;
        if *times > 0 {
            return Self::send_crash(&myself, *how).await;
        }
        if let Some(done) = done.take() {
            let _ = done.send(());
        }
        Ok(())
    }
}

impl Actor for Worker {
    type Msg = Crash;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Crash>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Crash>, crash: Crash, (): &mut ()) -> Handled {
        match crash.0 {
            Failure::Error => Err("on purpose".into()),
            Failure::Panic => panic!("on purpose"),
        }
    }
}
