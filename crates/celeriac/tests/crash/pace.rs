//! How long things take: here the clock is real.

use std::time::Duration;

use celeriac::RetryPolicy;

/// Tasks take up to three times as long.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// One attempt more than `flaky` fails.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    initial: Duration::from_millis(2),
    cap: Duration::from_millis(10),
};
