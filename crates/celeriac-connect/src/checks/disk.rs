//! A disk: how much of it is free for this user.

use std::path::PathBuf;

use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding};
use celeriac_core::{BoxFuture, Error, ErrorKind};

use super::Shares;

/// Looks at the file system of a path.
#[derive(Clone, Debug)]
pub struct Disk {
    path: PathBuf,
    shares: Shares,
}

impl Disk {
    /// A check of the file system that `path` is on.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), shares: Shares { degraded: 10.0, unhealthy: 5.0 } }
    }

    /// Below which shares free, in percent, it is degraded and unhealthy.
    /// Default 10 and 5.
    #[must_use]
    pub const fn below(mut self, degraded: f64, unhealthy: f64) -> Self {
        self.shares = Shares { degraded, unhealthy };
        self
    }
}

impl Check for Disk {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let path = self.path.display();
            // Answered by the kernel from memory, as long as it is no network's.
            let disk = rustix::fs::statvfs(&self.path).map_err(|error| {
                Error::new(ErrorKind::Config, "look at the disk of", path.to_string())
                    .caused_by(error)
            })?;
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let (free, total) = (bytes(disk.f_bavail), bytes(disk.f_blocks));
            Ok(self.shares.judge(free, total, &format!("on {path}")))
        })
    }
}
