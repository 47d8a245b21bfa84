//! Memory: how much of it is free, of the machine and of the container.

use std::path::Path;

use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding};
use celeriac_core::{BoxFuture, Error, ErrorKind};

use super::Shares;

const MACHINE: &str = "/proc/meminfo";
/// The limit of the control group (version 2) that a container is.
const GROUP: &str = "/sys/fs/cgroup";

/// Looks at the memory of this machine, or of this container if that has less.
/// On Linux only: elsewhere the check is broken, and says so.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    shares: Shares,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// A check of this machine.
    #[must_use]
    pub const fn new() -> Self {
        Self { shares: Shares { degraded: 10.0, unhealthy: 5.0 } }
    }

    /// Below which shares free, in percent, it is degraded and unhealthy.
    /// Default 10 and 5.
    #[must_use]
    pub const fn below(mut self, degraded: f64, unhealthy: f64) -> Self {
        self.shares = Shares { degraded, unhealthy };
        self
    }
}

impl Check for Memory {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let text = std::fs::read_to_string(MACHINE).map_err(|error| {
                Error::new(ErrorKind::Unsupported, "look at the memory by", MACHINE)
                    .caused_by(error)
            })?;
            let unread = || Error::new(ErrorKind::Unsupported, "read", MACHINE);
            let (free, total) = machine(&text).ok_or_else(unread)?;
            let (free, total, what) = match group(Path::new(GROUP)) {
                Some((group_free, limit)) if limit < total => {
                    (group_free.min(free), limit, "in this container")
                }
                _ => (free, total, "in memory"),
            };
            Ok(self.shares.judge(free, total, what))
        })
    }
}

/// What is available, and what there is, in bytes.
fn machine(text: &str) -> Option<(u64, u64)> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    Some((value("MemAvailable:")?, value("MemTotal:")?))
}

/// The same of a control group; nothing if it has no limit.
fn group(folder: &Path) -> Option<(u64, u64)> {
    let read = |name| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let (limit, used) = (read("memory.max")?, read("memory.current")?);
    Some((limit.saturating_sub(used), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "MemTotal:        2000 kB\nMemFree: 1 kB\nMemAvailable:    500 kB\n";
        assert_eq!(machine(text), Some((500 * 1024, 2000 * 1024)));
        assert_eq!(machine("MemTotal: x kB"), None);
    }

    #[test]
    fn a_group_without_a_limit_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.current", "300\n");
        assert_eq!(group(folder.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(group(folder.path()), Some((700, 1000)));
    }
}
