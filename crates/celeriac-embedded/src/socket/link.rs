//! The client's side of a connection: requests with numbers, and who waits for
//! which answer.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use jumpstarter::{Address, Flow, System, actor};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, oneshot};

use super::frame::{self, Failure, Frame, FrameKind, Hello, Incoming};
use super::outgoing::Outgoing;
use super::path::SocketPath;
use super::request::{Request, Sent};
use super::{MAX_REQUESTS, VERSION};

/// How long the owner gets to greet back; one that is stopped or hangs never does.
const GREETING: Duration = Duration::from_secs(5);

/// Who waits for an answer.
#[derive(Debug)]
enum Waiting {
    Caller(oneshot::Sender<Frame>),
    /// Nobody: it was cancelled. A pull's deliveries go back.
    Nobody {
        pull: bool,
    },
}

/// A connection to the owner.
#[derive(Debug)]
pub(super) struct Link {
    outgoing: Outgoing,
    waiting: Mutex<HashMap<u64, Waiting>>,
    next: AtomicU64,
    dead: AtomicBool,
    /// Whether it was this side that went.
    left: AtomicBool,
    permits: Semaphore,
    address: String,
}

/// Reads what the owner sends.
struct LinkReader {
    incoming: Option<Incoming>,
    link: Arc<Link>,
}

/// Lets the connection go when it is dropped.
#[derive(Debug)]
pub(super) struct LinkGuard(Address<LinkReader>);

impl Drop for LinkGuard {
    fn drop(&mut self) {
        drop(self.0.stop());
    }
}

impl Link {
    /// Connects to the owner of a directory.
    pub(super) async fn connect(
        directory: &Path,
        system: &System,
    ) -> Result<(Arc<Self>, LinkGuard)> {
        let address = format!("file://{}", directory.display());
        let unreachable = |error: io::Error| {
            let context = format!("{address}: another process has it open and does not answer");
            Error::new(ErrorKind::Busy, "open", context).caused_by(error)
        };
        let path = SocketPath::of(directory).map_err(unreachable)?;
        let socket = UnixStream::connect(path.as_path()).await.map_err(unreachable)?;
        let (read, write) = socket.into_split();
        let (mut incoming, outgoing) = (Incoming::new(read), Outgoing::new(write));
        // The kernel accepts connections for a process that is stopped, too.
        let greeting = tokio::time::timeout(GREETING, greet(&mut incoming, &outgoing)).await;
        let Ok(greeting) = greeting else {
            let context = format!(
                "{address}: the process that has it open does not answer within {GREETING:?}; is \
                 it stopped or hanging?"
            );
            // Not busy: trying again would take as long each time.
            return Err(Error::new(ErrorKind::Unreachable, "open", context));
        };
        let theirs = greeting.map_err(unreachable)?;
        if theirs.version != VERSION {
            let (pid, version) = (theirs.pid, theirs.version);
            let context = format!(
                "{address}: process {pid}, which has it open, speaks version {version} of the \
                 socket protocol, this build version {VERSION}; use the same Celeriac for both"
            );
            return Err(Error::new(ErrorKind::Config, "open", context));
        }
        let link = Arc::new(Self {
            outgoing,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            dead: AtomicBool::new(false),
            left: AtomicBool::new(false),
            permits: Semaphore::new(MAX_REQUESTS),
            address,
        });
        // A connection that breaks is replaced, not mended: with another actor.
        let options = jumpstarter::Options::default();
        let options = options.restart(jumpstarter::RestartPolicy::Temporary);
        let (mut incoming, read_from) = (Some(incoming), link.clone());
        let read = move || LinkReader { incoming: incoming.take(), link: read_from.clone() };
        let reader = system.spawn("embedded-client", options, read);
        Ok((link, LinkGuard(reader)))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks, and waits for the answer. A dropped future takes the request back.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        request: &Request,
    ) -> Result<T> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(self.lost(operation));
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = self.frame(operation, number, request)?;
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(number, Waiting::Caller(sender));
        let pull = matches!(request, Request::Pull(..));
        let mut asked = Asked { link: self, number, pull, answer: Some(answer) };
        if !self.send(&frame) {
            return Err(self.lost(operation));
        }
        let frame = asked.wait().await.ok_or_else(|| self.lost(operation))?;
        self.read(operation, &frame)
    }

    /// Sends a request whose answer nobody waits for. Does not wait.
    pub(super) fn tell(&self, operation: &'static str, request: &Request) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = self.frame(operation, number, request)?;
        match self.send(&frame) {
            true => Ok(()),
            false => Err(self.lost(operation)),
        }
    }

    /// Sends a frame; not if the owner is gone, which from then on is known: the
    /// reader may hear of it later.
    fn send(&self, frame: &[u8]) -> bool {
        if !self.is_dead() && self.outgoing.send(frame).is_err() {
            self.die();
        }
        !self.is_dead()
    }

    /// Tells the owner that this process goes, and lives on.
    pub(super) fn goodbye(&self) {
        self.left.store(true, Ordering::Release);
        self.take_leave();
    }

    fn take_leave(&self) {
        // Whoever is gone needs no goodbye.
        drop(self.outgoing.send(&frame::encode_empty(0, FrameKind::Goodbye)));
        self.die();
    }

    fn frame(&self, operation: &'static str, number: u64, request: &Request) -> Result<Vec<u8>> {
        frame::encode(number, FrameKind::Request, request).map_err(|error| {
            let context = format!("{}: {error}", self.address);
            Error::new(ErrorKind::Invalid, operation, context)
        })
    }

    fn read<T: DeserializeOwned>(&self, operation: &'static str, frame: &Frame) -> Result<T> {
        let malformed = |error: io::Error| {
            let context = format!("{}: its owner's answer can't be read", self.address);
            Error::new(ErrorKind::Internal, operation, context).caused_by(error)
        };
        if frame.kind == FrameKind::Answer {
            return frame::decode(&frame.value).map_err(malformed);
        }
        let failure: Failure = frame::decode(&frame.value).map_err(malformed)?;
        Err(Error::new(failure.kind(), operation, failure.context))
    }

    /// The owner is gone, or this side is.
    fn lost(&self, operation: &'static str) -> Error {
        if self.left.load(Ordering::Acquire) {
            let context = format!("{} was closed; open it again", self.address);
            return Error::new(ErrorKind::Closed, operation, context);
        }
        let context =
            format!("{}: the process that had it open has ended; try again", self.address);
        Error::new(ErrorKind::Unreachable, operation, context)
    }

    fn take(&self, frame: Frame) {
        match self.waiting.lock().remove(&frame.number) {
            Some(Waiting::Caller(caller)) => {
                // Who gives up at this moment finds the answer in its channel.
                drop(caller.send(frame));
            }
            Some(Waiting::Nobody { pull: true }) => self.put_back(&frame),
            Some(Waiting::Nobody { pull: false }) | None => {}
        }
    }

    /// Deliveries that nobody waits for go back.
    fn put_back(&self, frame: &Frame) {
        if frame.kind != FrameKind::Answer {
            return;
        }
        let Ok(sent) = frame::decode::<Vec<Sent>>(&frame.value) else {
            return;
        };
        let receipts = sent.iter().map(|sent| sent.receipt).collect();
        // If the owner is gone, so is its memory of them.
        drop(self.tell("pull", &Request::PutBack(receipts)));
    }

    fn die(&self) {
        self.dead.store(true, Ordering::Release);
        self.waiting.lock().clear();
        self.permits.close();
    }
}

/// A request under way.
struct Asked<'a> {
    link: &'a Link,
    number: u64,
    pull: bool,
    answer: Option<oneshot::Receiver<Frame>>,
}

impl Asked<'_> {
    async fn wait(&mut self) -> Option<Frame> {
        let frame = self.answer.as_mut()?.await.ok();
        self.answer = None;
        frame
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(mut answer) = self.answer.take() else {
            return;
        };
        let nobody = Waiting::Nobody { pull: self.pull };
        let waiting = {
            let mut waiting = self.link.waiting.lock();
            let place = waiting.get_mut(&self.number);
            place.map(|place| *place = nobody).is_some()
        };
        if waiting {
            let cancel = frame::encode_empty(self.number, FrameKind::Cancel);
            drop(self.link.outgoing.send(&cancel));
            return;
        }
        if let Ok(frame) = answer.try_recv()
            && self.pull
        {
            self.link.put_back(&frame);
        }
    }
}

async fn greet(incoming: &mut Incoming, outgoing: &Outgoing) -> io::Result<Hello> {
    let ours = Hello { version: VERSION, pid: std::process::id() };
    outgoing.send(&frame::encode(0, FrameKind::Hello, &ours)?)?;
    tokio::select! {
        error = outgoing.drain() => Err(error.err().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        frame = incoming.next() => match frame? {
            Some(frame) if frame.kind == FrameKind::Hello => frame::decode(&frame.value),
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        },
    }
}

#[actor]
impl LinkReader {
    /// Passes on what comes until nothing does.
    #[task]
    async fn read(&mut self) -> Flow {
        let Self { incoming: Some(incoming), link } = self else { return Flow::Success };
        let read = async {
            while let Ok(Some(frame)) = incoming.next().await {
                link.take(frame);
            }
        };
        tokio::select! {
            () = read => {}
            _gone = link.outgoing.drain() => {}
        }
        link.die();
        Flow::Success
    }
}

impl Drop for LinkReader {
    /// However it ends: who waits for an answer must not wait for ever. The
    /// owner learns that this process lives on, so that no deaths are counted.
    fn drop(&mut self) {
        self.link.take_leave();
    }
}
