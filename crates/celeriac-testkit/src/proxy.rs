//! A network that misbehaves on command: a TCP proxy in front of a server.

#![expect(clippy::disallowed_methods, reason = "a network is no actor, and outlives those it ends")]

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How much is passed on at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It passes everything on at once.
    Clear,
    /// It passes each piece on after this time.
    Slow(Duration),
    /// It passes nothing on, and tells nobody: a partition. What was sent
    /// meanwhile arrives when it is clear again.
    Stalled,
    /// It refuses connections.
    Down,
}

#[derive(Clone, Copy, Debug)]
struct State {
    network: Network,
    /// Connections below this number are cut.
    cut: u64,
    /// Connections below this number are mute for ever, and stay open.
    mute: u64,
}

/// A way to a server on this machine. Connections through it end with it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<watch::Sender<State>>,
    accepted: watch::Receiver<u64>,
}

impl Proxy {
    /// Listens on a free port, and leads to `to` on 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let state = watch::Sender::new(State { network: Network::Clear, cut: 0, mute: 0 });
        let state = Arc::new(state);
        let (count, accepted) = watch::channel(0);
        let watching = state.subscribe();
        tokio::spawn(async move {
            let mut number = 0;
            let mut gone = watching.clone();
            loop {
                let client = tokio::select! {
                    client = listener.accept() => client,
                    () = closed(&mut gone) => return,
                };
                let Ok((client, _)) = client else { continue };
                if watching.borrow().network == Network::Down {
                    continue;
                }
                tokio::spawn(connect(client, to, number, watching.clone()));
                number += 1;
                count.send_replace(number);
            }
        });
        Self { port, state, accepted }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes the network, for what is connected and what will be.
    pub fn set(&self, network: Network) {
        self.state.send_modify(|state| state.network = network);
    }

    /// Cuts every connection: both ends are told.
    pub fn cut(&self) {
        let accepted = *self.accepted.borrow();
        self.state.send_modify(|state| state.cut = accepted);
    }

    /// Makes every connection half-open: nothing passes any more, and neither
    /// end is told. New ones work.
    pub fn mute(&self) {
        let accepted = *self.accepted.borrow();
        self.state.send_modify(|state| state.mute = accepted);
    }
}

/// Waits for the end of the proxy.
async fn closed(state: &mut watch::Receiver<State>) {
    while state.changed().await.is_ok() {}
}

async fn connect(client: TcpStream, to: u16, number: u64, state: watch::Receiver<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let there = pass(from_client, to_server, number, state.clone());
    let back = pass(from_server, to_client, number, state);
    // When one way ends, so does the other.
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

/// Passes on one way of a connection, as the network lets it.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = tokio::select! {
            length = from.read(&mut buffer) => length,
            () = cut(&mut state, number) => return,
        };
        let Ok(length @ 1..) = length else {
            // What ends behind a silent network is not noticed either.
            let _ = passable(&mut state, number).await;
            return;
        };
        if !passable(&mut state, number).await {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Waits until the connection is cut.
async fn cut(state: &mut watch::Receiver<State>, number: u64) {
    // An error: the proxy is gone.
    let _ = state.wait_for(|state| number < state.cut).await;
}

/// Waits until a piece may pass; false if none ever will.
async fn passable(state: &mut watch::Receiver<State>, number: u64) -> bool {
    let arrived = state.borrow().network;
    if let Network::Slow(pause) = arrived {
        tokio::time::sleep(pause).await;
    }
    let clear = |state: &State| {
        number < state.cut || (number >= state.mute && state.network != Network::Stalled)
    };
    match state.wait_for(clear).await {
        Ok(state) => number >= state.cut,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::within;

    /// A server that answers each byte with itself, and a way to it.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Proxy::start(port).await
    }

    async fn dial(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("it listens")
    }

    async fn ping(peer: &mut TcpStream) -> bool {
        if peer.write_all(b"x").await.is_err() {
            return false;
        }
        let mut answer = [0];
        matches!(within("an answer", peer.read(&mut answer)).await, Ok(1))
    }

    #[tokio::test]
    async fn a_cut_connection_ends_and_a_new_one_works() {
        let proxy = echo().await;
        let mut first = dial(&proxy).await;
        assert!(ping(&mut first).await);
        proxy.cut();
        assert!(!ping(&mut first).await);
        assert!(ping(&mut dial(&proxy).await).await);
        proxy.set(Network::Down);
        assert!(!ping(&mut dial(&proxy).await).await);
    }

    #[tokio::test]
    async fn what_a_stalled_network_holds_arrives_later_and_what_is_mute_never() {
        let proxy = echo().await;
        let (mut held, mut mute) = (dial(&proxy).await, dial(&proxy).await);
        assert!(ping(&mut held).await && ping(&mut mute).await);
        proxy.set(Network::Stalled);
        held.write_all(b"y").await.expect("nobody tells it");
        let mut answer = [0];
        {
            let mut reading = Box::pin(held.read(&mut answer));
            assert!(crate::probe::poll_once(&mut reading).is_pending());
            proxy.set(Network::Clear);
            assert_eq!(within("what was held", reading).await.expect("an answer"), 1);
        }
        proxy.mute();
        mute.write_all(b"z").await.expect("nobody tells it");
        assert!(ping(&mut dial(&proxy).await).await, "new ones work");
        let mut reading = Box::pin(mute.read(&mut answer));
        assert!(crate::probe::poll_once(&mut reading).is_pending());
    }
}
