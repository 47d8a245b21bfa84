//! Whether broker and store answer: the checks of a worker's own connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding, HealthStatus};
use celeriac_core::{BoxFuture, Broker, Error, ErrorKind, Store, Timestamp};
use tokio::time::Instant;

/// An answer that takes longer is slow: degraded.
const SLOW: Duration = Duration::from_secs(1);

/// Asks a broker how long its queues are.
pub struct BrokerCheck(Arc<dyn Broker>);

impl BrokerCheck {
    /// A check of that broker.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self(broker)
    }
}

impl Check for BrokerCheck {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let began = Instant::now();
            judge(self.0.queues().await, began.elapsed())
        })
    }
}

/// Asks a store who is alive.
pub struct StoreCheck(Arc<dyn Store>);

impl StoreCheck {
    /// A check of that store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

impl Check for StoreCheck {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            let began = Instant::now();
            judge(self.0.nodes(Timestamp::now()).await, began.elapsed())
        })
    }
}

impl fmt::Debug for BrokerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerCheck")
    }
}

impl fmt::Debug for StoreCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreCheck")
    }
}

fn judge<T>(answer: Result<T>, took: Duration) -> Result<Finding> {
    let millis = took.as_millis();
    Ok(match answer {
        Ok(_) if took > SLOW => Finding::degraded(format!("answers in {millis} ms: slow")),
        Ok(_) => Finding::healthy(format!("answers in {millis} ms")),
        Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
        Err(error) => of_error(&error),
    })
}

fn of_error(error: &Error) -> Finding {
    let status = match error.kind() {
        ErrorKind::Config | ErrorKind::Denied | ErrorKind::Corrupt | ErrorKind::Unsupported => {
            HealthStatus::PermanentlyUnavailable
        }
        _ => HealthStatus::Unhealthy,
    };
    Finding::new(status, format!("failed to {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_mend_is_permanently_unavailable() {
        let found = |kind| judge::<()>(Err(Error::new(kind, "ask", "x")), Duration::ZERO);
        let status = |kind| found(kind).unwrap().status;
        assert_eq!(status(ErrorKind::Unreachable), HealthStatus::Unhealthy);
        assert_eq!(status(ErrorKind::Denied), HealthStatus::PermanentlyUnavailable);
        assert!(found(ErrorKind::Closed).is_err(), "nobody looks any more");
        let slow = judge(Ok(()), Duration::from_secs(2)).unwrap();
        assert_eq!(slow, Finding::degraded("answers in 2000 ms: slow"));
    }
}
