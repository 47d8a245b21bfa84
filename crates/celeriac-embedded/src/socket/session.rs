//! One client of the owner: its frames, its consumers, what it waits for.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};

use jumpstarter::{Spawned, Spawner};
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::frame::{self, Failure, Frame, FrameKind, Hello, Incoming};
use super::held::Held;
use super::outgoing::Outgoing;
use super::request::Request;
use super::{MAX_REQUESTS, VERSION};
use crate::durable::Owner;
use crate::hub::{HubConsumer, SeenTimers};

/// A consumer of a client; one pull at a time has it.
pub(super) type Shared = Arc<tokio::sync::Mutex<HubConsumer>>;

/// What the requests of one client share.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) consumers: Mutex<HashMap<u64, Shared>>,
    pub(super) next_consumer: std::sync::atomic::AtomicU64,
    pub(super) seen_timers: SeenTimers,
    pub(super) held: Held,
    /// What is being worked on, by number.
    working: Mutex<HashMap<u64, Option<Spawned>>>,
}

/// One client of the owner.
pub(super) struct Session {
    incoming: Incoming,
    outgoing: Arc<Outgoing>,
    owner: Weak<Owner>,
    desk: Arc<Desk>,
    spawner: Spawner,
    /// One permit per request that may be unanswered.
    permits: Arc<Semaphore>,
}

/// How a client went.
enum End {
    Goodbye,
    Lost,
}

impl Session {
    pub(super) fn new(socket: UnixStream, owner: Weak<Owner>, spawner: Spawner) -> Self {
        let (read, write) = socket.into_split();
        Self {
            incoming: Incoming::new(read),
            outgoing: Arc::new(Outgoing::new(write)),
            owner,
            desk: Arc::default(),
            spawner,
            permits: Arc::new(Semaphore::new(MAX_REQUESTS)),
        }
    }

    /// Serves the client until it goes.
    pub(super) async fn run(mut self) {
        let outgoing = self.outgoing.clone();
        let scope = self.spawner.scope();
        let end = tokio::select! {
            end = self.serve() => end,
            _gone = outgoing.drain() => Ok(End::Lost),
            () = scope.cancelled() => return,
        };
        let working = std::mem::take(&mut *self.desk.working.lock());
        working.into_values().flatten().for_each(|work| work.abort());
        self.desk.held.written(outgoing.written());
        self.desk.held.put_all_back();
        let end = end.unwrap_or_else(|error| {
            tracing::warn!(%error, "a client of the directory spoke nonsense, or went away");
            End::Lost
        });
        if let End::Lost = end {
            self.count_deaths().await;
        }
        // Dropping the consumers gives back what they hold.
        self.desk.consumers.lock().clear();
    }

    async fn serve(&mut self) -> io::Result<End> {
        let Some(hello) = self.incoming.next().await? else {
            return Ok(End::Goodbye);
        };
        let ours = Hello { version: VERSION, pid: std::process::id() };
        self.outgoing.send(&frame::encode(0, FrameKind::Hello, &ours)?)?;
        let theirs: Hello = frame::decode(&hello.value)?;
        if theirs.version != VERSION {
            tracing::warn!(version = theirs.version, "a client speaks another version");
            return Ok(End::Goodbye);
        }
        while let Some(frame) = self.incoming.next().await? {
            match frame.kind {
                FrameKind::Request => self.begin(frame).await?,
                FrameKind::Cancel => self.cancel(frame.number),
                FrameKind::Goodbye => return Ok(End::Goodbye),
                FrameKind::Hello | FrameKind::Answer | FrameKind::Failure => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        Ok(End::Lost)
    }

    /// Begins to work on a request. What must keep its order is done at once.
    async fn begin(&self, frame: Frame) -> io::Result<()> {
        let request: Request = frame::decode(&frame.value)?;
        let Some(owner) = self.owner.upgrade() else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        match &request {
            Request::Begin(receipts) => {
                owner.begin_elsewhere(receipts);
                return Ok(());
            }
            Request::PutBack(receipts) => {
                owner.put_back(receipts);
                return Ok(());
            }
            Request::Leave(consumer) => {
                self.desk.consumers.lock().remove(consumer);
                return Ok(());
            }
            _ => {}
        }
        let Ok(permit) = self.permits.clone().acquire_owned().await else {
            return Ok(());
        };
        let (number, desk) = (frame.number, self.desk.clone());
        let outgoing = self.outgoing.clone();
        desk.working.lock().insert(number, None);
        let work = async move {
            let answer = desk.answer(&owner, number, request).await;
            desk.working.lock().remove(&number);
            match answer.and_then(|frame| outgoing.send(&frame)) {
                Ok(end) => desk.held.sent(number, end),
                // A client that is gone is noticed where it is read from, too.
                Err(_) => desk.held.put_back(number),
            }
            desk.held.written(outgoing.written());
            drop(permit);
        };
        let spawned = self.spawner.spawn(work);
        // It may have ended already, and then has taken its place out.
        if let Some(place) = self.desk.working.lock().get_mut(&number) {
            *place = Some(spawned);
        }
        Ok(())
    }

    fn cancel(&self, number: u64) {
        let work = self.desk.working.lock().remove(&number);
        if let Some(work) = work.flatten() {
            work.abort();
        }
        self.desk.held.put_back(number);
    }

    /// The client's process died: what it had begun has cost a life.
    async fn count_deaths(&self) {
        let Some(owner) = self.owner.upgrade() else {
            return;
        };
        let consumers: Vec<Shared> = self.desk.consumers.lock().values().cloned().collect();
        let mut begun = Vec::new();
        for consumer in consumers {
            // A pull that was aborted lets go of it soon.
            begun.extend(consumer.lock().await.begun());
        }
        if begun.is_empty() {
            return;
        }
        if let Err(error) = owner.count_deaths(begun).await {
            tracing::warn!(%error, "deaths could not be counted");
        }
    }
}

impl Desk {
    /// Works on a request; gives the frame to send.
    async fn answer(
        &self,
        owner: &Arc<Owner>,
        number: u64,
        request: Request,
    ) -> io::Result<Vec<u8>> {
        match self.work(owner, number, request).await {
            Ok(frame) => Ok(frame),
            Err(error) => frame::encode(number, FrameKind::Failure, &Failure::new(&error)),
        }
    }

    pub(super) fn consumer(&self, number: u64) -> Option<Shared> {
        self.consumers.lock().get(&number).cloned()
    }
}
