//! A port: whether somebody accepts connections.

use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::timed;

/// How long a connection may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);

/// Connects to a port, and lets go again.
#[derive(Clone, Debug)]
pub struct Tcp {
    address: String,
    timeout: Duration,
    slow: Duration,
}

impl Tcp {
    /// A check of `host:port`.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), timeout: TIMEOUT, slow: SLOW }
    }

    /// How long a connection may take before it counts as none. Default 5 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// From when on a connection is slow: degraded. Default 1 s.
    #[must_use]
    pub const fn slow(mut self, slow: Duration) -> Self {
        self.slow = slow;
        self
    }
}

impl Check for Tcp {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let (began, address) = (Instant::now(), &self.address);
            Ok(match tokio::time::timeout(self.timeout, TcpStream::connect(address)).await {
                Ok(Ok(_)) => timed(began.elapsed(), self.slow, "accepts"),
                Ok(Err(error)) => Finding::unhealthy(format!("{address}: {error}")),
                Err(_) => {
                    let limit = self.timeout.as_millis();
                    Finding::unhealthy(format!("{address}: no connection in {limit} ms"))
                }
            })
        })
    }
}
