//! The servers, and the processes around them, each with a network of its own.

use std::path::Path;
use std::sync::Arc;

use celeriac::App;
use celeriac_testkit::child::Child;
use celeriac_testkit::proxy::Proxy;
use celeriac_testkit::server::{Kind, Server};
use tokio::sync::watch;

use crate::child::{self, BROKER, FIRST, FOLDER, PART, STORE};

/// How many processes run tasks, and how many send them.
const WORKERS: usize = 3;
const SENDERS: usize = 2;

/// What they are called.
pub(crate) const WORKER: &str = "worker";
pub(crate) const SENDER: &str = "sender";

/// Whoever sends next takes numbers from here on: no two take the same.
const NUMBERS_EACH: u64 = 1 << 32;

/// What was accepted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) tasks: u64,
    pub(crate) workflows: u64,
    /// Workers that have started.
    pub(crate) started: u64,
}

/// A process, which is started again as often as it is killed.
pub(crate) struct Peer {
    part: &'static str,
    child: Child,
    /// Its ways to the broker, and to the store if that is elsewhere.
    pub(crate) ways: Vec<Proxy>,
}

/// All of it.
pub(crate) struct Arena {
    /// The broker's, and the store's if that is another one; none for a directory.
    pub(crate) servers: Vec<Server>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) counts: watch::Receiver<Counts>,
    counted: Arc<watch::Sender<Counts>>,
    folder: tempfile::TempDir,
    /// Every sender that there was, by its turn.
    senders: Vec<u32>,
}

impl Peer {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_sender(&self) -> bool {
        self.part == SENDER
    }
}

impl Arena {
    /// Starts all of it; nothing where a server is not installed.
    pub(crate) async fn open(broker: Option<Kind>, store: Option<Kind>) -> Option<Self> {
        let mut servers = Vec::new();
        for kind in broker.into_iter().chain(store) {
            servers.push(tokio::task::block_in_place(|| Server::start(kind, &[]))?);
        }
        let (counted, counts) = watch::channel(Counts::default());
        let (counted, folder) = (Arc::new(counted), tempfile::tempdir().unwrap());
        let peers = Vec::new();
        let mut arena = Self { servers, peers, counts, counted, folder, senders: Vec::new() };
        // Makes what there is to be made once: keys, tables.
        let app = arena.app();
        app.open().await.unwrap();
        app.shutdown().await;
        arena.settle_in();
        for part in [[WORKER; WORKERS].as_slice(), [SENDER; SENDERS].as_slice()].concat() {
            let mut ways = Vec::new();
            for server in &arena.servers {
                ways.push(Proxy::start(server.port()).await);
            }
            let child = arena.spawn(part, &ways);
            arena.peers.push(Peer { part, child, ways });
        }
        Some(arena)
    }

    /// RabbitMQ 3.10 loses its first stream for good if it is killed within a
    /// second: it has written where the stream is once it was stopped.
    fn settle_in(&mut self) {
        for server in self.servers.iter_mut().filter(|server| server.kind() == Kind::RabbitMq) {
            tokio::task::block_in_place(|| {
                server.stop();
                server.restart();
            });
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An app of this process, past the networks.
    pub(crate) fn app(&self) -> App {
        let (broker, store) = self.addresses(Vec::from_iter(self.servers.iter().map(Server::port)));
        child::app(&broker, store.as_deref(), self.folder())
    }

    /// Kills a process, and starts another one in its place.
    pub(crate) fn replace(&mut self, at: usize) {
        let part = self.peers[at].part;
        self.peers[at].child.kill();
        let ways = std::mem::take(&mut self.peers[at].ways);
        self.peers[at].child = self.spawn(part, &ways);
        self.peers[at].ways = ways;
    }

    /// Ends the senders: no more is accepted.
    pub(crate) fn hush(&mut self) {
        self.peers.retain(|peer| !peer.is_sender());
    }

    /// The process that sent a number.
    pub(crate) fn sender(&self, number: u64) -> u32 {
        self.senders[usize::try_from(number / NUMBERS_EACH).unwrap()]
    }

    fn addresses(&self, ports: Vec<u16>) -> (String, Option<String>) {
        let address = |(server, port): (&Server, u16)| {
            // Soon enough for a test; a busy machine must not look like a dead one.
            let patience = match server.kind() {
                Kind::RabbitMq => "heartbeat=4",
                Kind::Redis | Kind::Nats | Kind::Postgres => "lease=8s",
            };
            format!("{}?{patience}", server.address_through(port))
        };
        let mut addresses = self.servers.iter().zip(ports).map(address);
        match addresses.next() {
            Some(broker) => (broker, addresses.next()),
            None => (self.folder().join("data").display().to_string(), None),
        }
    }

    fn spawn(&mut self, part: &'static str, ways: &[Proxy]) -> Child {
        let (broker, store) = self.addresses(ways.iter().map(Proxy::port).collect());
        let folder = self.folder().display().to_string();
        let first = (self.senders.len() as u64 * NUMBERS_EACH).to_string();
        let mut variables =
            vec![(PART, part), (BROKER, &broker), (FOLDER, &folder), (FIRST, &first)];
        if let Some(store) = &store {
            variables.push((STORE, store));
        }
        let mut child = Child::spawn("child::child", variables);
        if part == SENDER {
            self.senders.push(child.id());
        }
        let counted = self.counted.clone();
        child.listen(move |word| {
            let Some((what, count)) = word.split_once(' ') else {
                counted.send_modify(|counts| counts.started += 1);
                return;
            };
            let count: u64 = count.parse().unwrap();
            counted.send_modify(|counts| match what {
                "tasks" => counts.tasks += count,
                _ => counts.workflows += count,
            });
        });
        child
    }
}
