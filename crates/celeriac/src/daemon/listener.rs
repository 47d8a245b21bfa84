//! The actors `daemon.http`, `daemon.tcp` and `daemon.unix`: each accepts at
//! its door, and serves each connection beside the others.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac_connect::server::{self, Terms};
use jumpstarter::{Context, Flow, actor};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::service::Service;
use super::{DaemonError, frames};

/// How long accepting pauses after an error such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
#[derive(Debug)]
pub(super) enum Door {
    Http(TcpListener),
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection, and how it speaks.
enum Visitor {
    Http(tokio::net::TcpStream),
    Tcp(tokio::net::TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

/// What all connections of a door share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) terms: Arc<Terms>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) stop: watch::Receiver<bool>,
}

pub(crate) struct Listener {
    door: Arc<Door>,
    shared: Shared,
}

/// A Unix socket at `path`; one that a process left there which is gone goes.
#[cfg(unix)]
pub(super) fn unix(path: &Path) -> Result<Door, DaemonError> {
    let failed = |source| DaemonError::Listen { place: path.display().to_string(), source };
    if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    tokio::net::UnixListener::bind(path).map(Door::Unix).map_err(failed)
}

#[cfg(not(unix))]
pub(super) fn unix(path: &Path) -> Result<Door, DaemonError> {
    let source = std::io::Error::from(std::io::ErrorKind::Unsupported);
    Err(DaemonError::Listen { place: path.display().to_string(), source })
}

#[actor]
impl Listener {
    pub(super) fn new(door: Arc<Door>, shared: Shared) -> Self {
        Self { door, shared }
    }

    #[task]
    async fn accept(&mut self, ctx: &mut Context<Self>) -> Flow {
        let mut stop = self.shared.stop.clone();
        let next = async {
            // As many as may be open: the rest waits at the door.
            let permit = self.shared.permits.clone().acquire_owned().await.ok()?;
            Some((self.door.next().await, permit))
        };
        let (visitor, permit) = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Flow::Success,
            next = next => match next {
                Some((Ok(visitor), permit)) => (visitor, permit),
                Some((Err(error), _)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    return Flow::Retry { after: PAUSE };
                }
                None => return Flow::Success,
            },
        };
        drop(ctx.spawner().spawn(serve(visitor, self.shared.clone(), permit)));
        Flow::Continue
    }
}

impl Door {
    async fn next(&self) -> std::io::Result<Visitor> {
        Ok(match self {
            Self::Http(listener) => Visitor::Http(listener.accept().await?.0),
            Self::Tcp(listener) => Visitor::Tcp(listener.accept().await?.0),
            #[cfg(unix)]
            Self::Unix(listener) => Visitor::Unix(listener.accept().await?.0),
        })
    }
}

/// Serves a connection to its end; the permit is given back then.
async fn serve(visitor: Visitor, shared: Shared, _permit: OwnedSemaphorePermit) {
    let Shared { service, terms, mut stop, .. } = shared;
    let stopping = async move {
        // Who can't hear of it has been stopped.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    match visitor {
        Visitor::Http(stream) => server::serve(stream, service, terms, stopping).await,
        Visitor::Tcp(stream) => {
            // Answers are small, and waited for.
            let _ = stream.set_nodelay(true);
            frames::serve(stream, &service, &terms, stopping).await;
        }
        #[cfg(unix)]
        Visitor::Unix(stream) => frames::serve(stream, &service, &terms, stopping).await,
    }
}
