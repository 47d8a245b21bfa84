//! The daemon: what other processes, in any language, send tasks through. Over
//! HTTP ([`http`]), and over Unix and TCP sockets in frames ([`frames`]); the
//! protocol stands in `docs/publisher.md`.
//!
//! What all connections send goes through the app's one publisher, and so in
//! its batches.

mod frames;
mod http;
mod listener;
mod service;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use celeriac_connect::server::Terms;
use jumpstarter::Address;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use self::listener::{Door, Listener, Shared};
use self::service::Service;
use crate::app::App;
use crate::connect::Error;

/// How a daemon listens.
#[derive(Clone)]
pub struct DaemonOptions {
    /// The path of a Unix socket for frames.
    pub unix: Option<PathBuf>,
    /// A TCP address for frames.
    pub tcp: Option<SocketAddr>,
    /// A TCP address for HTTP.
    pub http: Option<SocketAddr>,
    /// What whoever connects over TCP and HTTP must show. Without it, only
    /// addresses of the loopback are listened at.
    pub token: Option<String>,
    /// The largest request or frame, in bytes. Default 8 MiB.
    pub max_request_bytes: usize,
    /// How many connections are open at once; more wait. Default 1024.
    pub connections: usize,
}

impl Default for DaemonOptions {
    fn default() -> Self {
        let (unix, tcp, http, token) = (None, None, None, None);
        Self { unix, tcp, http, token, max_request_bytes: 8 << 20, connections: 1024 }
    }
}

impl fmt::Debug for DaemonOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DaemonOptions")
            .field("unix", &self.unix)
            .field("tcp", &self.tcp)
            .field("http", &self.http)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a daemon did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The app could not connect.
    #[error(transparent)]
    Connect(#[from] Error),
    /// It is to listen nowhere.
    #[error("a daemon listens at least at one of a Unix socket, a TCP and an HTTP address")]
    Nowhere,
    /// Others could reach it, and need no token.
    #[error("{0} can be reached from other machines: give a token, or listen at 127.0.0.1")]
    Open(SocketAddr),
    /// It can't listen there.
    #[error("failed to listen at {place}: {source}")]
    Listen {
        /// Where.
        place: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A daemon that runs in this process until it is stopped.
#[derive(Debug)]
pub struct Daemon {
    listeners: Vec<Address<Listener>>,
    stopping: watch::Sender<bool>,
    permits: Arc<Semaphore>,
    connections: u32,
    tcp: Option<SocketAddr>,
    http: Option<SocketAddr>,
    unix: Option<PathBuf>,
}

impl App {
    /// Starts a daemon: other processes send tasks through it, and read results.
    ///
    /// ```
    /// # use celeriac::{App, DaemonOptions};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::memory();
    /// let http = Some("127.0.0.1:0".parse()?);
    /// let daemon = app.start_daemon(DaemonOptions { http, ..DaemonOptions::default() }).await?;
    /// println!("curl http://{}/health", daemon.http().unwrap());
    /// daemon.stop(std::time::Duration::from_secs(10)).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DaemonError`] when the app can't connect, or it can't listen.
    pub async fn start_daemon(&self, options: DaemonOptions) -> Result<Daemon, DaemonError> {
        let connection = self.connection().await?;
        let (stopping, stop) = watch::channel(false);
        let permits = Arc::new(Semaphore::new(options.connections));
        let service = Arc::new(Service::new(self.clone()));
        let shared = |token: Option<String>| {
            let terms = Arc::new(Terms { max_body_bytes: options.max_request_bytes, token });
            Shared { service: service.clone(), terms, permits: permits.clone(), stop: stop.clone() }
        };
        let mut doors = Vec::new();
        let (mut tcp, mut http) = (None, None);
        if let Some(address) = options.http {
            let listener = listen(address, options.token.as_deref()).await?;
            http = listener.local_addr().ok();
            doors.push(("daemon.http", Door::Http(listener), shared(options.token.clone())));
        }
        if let Some(address) = options.tcp {
            let listener = listen(address, options.token.as_deref()).await?;
            tcp = listener.local_addr().ok();
            doors.push(("daemon.tcp", Door::Tcp(listener), shared(options.token.clone())));
        }
        if let Some(path) = &options.unix {
            // Who may reach it is said by the file's permissions.
            doors.push(("daemon.unix", listener::unix(path)?, shared(None)));
        }
        if doors.is_empty() {
            return Err(DaemonError::Nowhere);
        }
        let spawn = |(name, door, shared)| {
            let (door, actor) = (Arc::new(door), jumpstarter::Options::default());
            let new = move || Listener::new(Arc::clone(&door), Shared::clone(&shared));
            connection.system.spawn(name, actor, new)
        };
        let listeners = doors.into_iter().map(spawn).collect();
        let connections = u32::try_from(options.connections).unwrap_or(u32::MAX);
        let unix = options.unix;
        Ok(Daemon { listeners, stopping, permits, connections, tcp, http, unix })
    }
}

async fn listen(address: SocketAddr, token: Option<&str>) -> Result<TcpListener, DaemonError> {
    if token.is_none() && !address.ip().is_loopback() {
        return Err(DaemonError::Open(address));
    }
    let place = address.to_string();
    TcpListener::bind(address).await.map_err(|source| DaemonError::Listen { place, source })
}

impl Daemon {
    /// Where it speaks HTTP.
    #[must_use]
    pub const fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where it takes frames over TCP.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Stops: no more is taken, what was taken is answered, for as long as
    /// `grace`. What was answered well is as durable as the broker promises.
    pub async fn stop(self, grace: Duration) {
        self.stopping.send_replace(true);
        let all = self.permits.acquire_many(self.connections);
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("connections were ended before they had their answers");
        }
        for listener in &self.listeners {
            listener.stop().await;
        }
        if let Some(path) = &self.unix {
            // Another may have taken it away.
            let _ = std::fs::remove_file(path);
        }
    }
}
