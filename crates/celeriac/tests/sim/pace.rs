//! How long things take: the clock is simulated, so they may.

use std::time::Duration;

use celeriac::RetryPolicy;

/// Tasks take up to three times as long.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// One attempt more than `flaky` fails.
pub(crate) const RETRY: RetryPolicy =
    RetryPolicy { max_attempts: 3, initial: Duration::from_secs(1), cap: Duration::from_secs(10) };
