//! The event loop: how late it wakes who waits.

use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding, HealthStatus};
use tokio::time::Instant;

/// How long each of the waits is that are measured.
const WAIT: Duration = Duration::from_millis(10);
/// How many are measured; the longest counts.
const WAITS: u32 = 5;

/// Measures how late the runtime wakes who waits: a task that computes or blocks
/// on it makes all others late.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    degraded: Duration,
    unhealthy: Duration,
}

impl Default for Lag {
    fn default() -> Self {
        Self::new()
    }
}

impl Lag {
    /// A check of the runtime that it runs on.
    #[must_use]
    pub const fn new() -> Self {
        Self { degraded: Duration::from_millis(100), unhealthy: Duration::from_secs(1) }
    }

    /// Above which lags it is degraded and unhealthy. Default 100 ms and 1 s.
    #[must_use]
    pub const fn above(mut self, degraded: Duration, unhealthy: Duration) -> Self {
        (self.degraded, self.unhealthy) = (degraded, unhealthy);
        self
    }

    fn judge(self, lag: Duration) -> Finding {
        let status = match lag {
            lag if lag > self.unhealthy => HealthStatus::Unhealthy,
            lag if lag > self.degraded => HealthStatus::Degraded,
            _ => HealthStatus::Healthy,
        };
        Finding::new(status, format!("wakes {} ms late at the most", lag.as_millis()))
    }
}

impl Check for Lag {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let mut worst = Duration::ZERO;
            for _ in 0..WAITS {
                let began = Instant::now();
                tokio::time::sleep(WAIT).await;
                worst = worst.max(began.elapsed().saturating_sub(WAIT));
            }
            Ok(self.judge(worst))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_late_is_degraded_then_unhealthy() {
        let status = |millis| Lag::new().judge(Duration::from_millis(millis)).status;
        assert_eq!(status(3), HealthStatus::Healthy);
        assert_eq!(status(101), HealthStatus::Degraded);
        assert_eq!(status(1001), HealthStatus::Unhealthy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_runtime_that_does_nothing_else_is_in_time() {
        let found = Lag::new().check().await.unwrap();
        assert_eq!(found.status, HealthStatus::Healthy, "{}", found.note);
    }
}
