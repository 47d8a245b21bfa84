//! Health checks of what a worker needs: an endpoint, a port, a disk, memory, and
//! its own runtime. Each says what it found, with a figure.

#[cfg(unix)]
mod disk;
#[cfg(feature = "http")]
mod http;
mod lag;
mod memory;
mod tcp;

use std::time::Duration;

use celeriac_core::health::{Finding, HealthStatus};

#[cfg(unix)]
pub use disk::Disk;
#[cfg(feature = "http")]
pub use http::Http;
pub use lag::Lag;
pub use memory::Memory;
pub use tcp::Tcp;

/// What took longer than it should is degraded.
fn timed(took: Duration, slow: Duration, what: &str) -> Finding {
    let note = format!("{what} in {} ms", took.as_millis());
    match took > slow {
        true => Finding::degraded(format!("{note}, slower than {} ms", slow.as_millis())),
        false => Finding::healthy(note),
    }
}

/// How much is free, as a status: below the first share degraded, below the
/// second unhealthy.
#[derive(Clone, Copy, Debug)]
struct Shares {
    degraded: f64,
    unhealthy: f64,
}

impl Shares {
    fn judge(self, free: u64, total: u64, what: &str) -> Finding {
        let percent = if total == 0 { 0.0 } else { free as f64 / total as f64 * 100.0 };
        let status = match percent {
            percent if percent < self.unhealthy => HealthStatus::Unhealthy,
            percent if percent < self.degraded => HealthStatus::Degraded,
            _ => HealthStatus::Healthy,
        };
        let note = format!("{percent:.0} % of {} free {what}", Bytes(total));
        Finding::new(status, note)
    }
}

/// A size as people read it.
struct Bytes(u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const GIB: u64 = 1 << 30;
        const MIB: u64 = 1 << 20;
        match self.0 {
            bytes if bytes >= GIB => write!(f, "{} GiB", bytes / GIB),
            bytes => write!(f, "{} MiB", bytes / MIB),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarce_is_degraded_then_unhealthy() {
        let shares = Shares { degraded: 10.0, unhealthy: 5.0 };
        let status = |free| shares.judge(free, 100 << 30, "on disk").status;
        assert_eq!(status(50 << 30), HealthStatus::Healthy);
        assert_eq!(status(9 << 30), HealthStatus::Degraded);
        assert_eq!(status(4 << 30), HealthStatus::Unhealthy);
        assert_eq!(shares.judge(0, 0, "").status, HealthStatus::Unhealthy);
        let note = shares.judge(50 << 30, 100 << 30, "on /").note;
        assert_eq!(note, "50 % of 100 GiB free on /");
    }

    #[test]
    fn what_is_slow_is_degraded() {
        let found =
            |millis| timed(Duration::from_millis(millis), Duration::from_secs(1), "answers");
        assert_eq!(found(1000), Finding::healthy("answers in 1000 ms"));
        assert_eq!(found(1001).status, HealthStatus::Degraded);
    }
}
