//! Circuits of services: what tasks call through a breaker.

use std::fmt;

use celeriac_core::Timestamp;
use celeriac_engine::breaker::Permit;
use celeriac_router::Fuse;

use crate::app::App;
use crate::failure::{Retry, Retryable};

/// The circuit of a service that tasks call. While it is open, calls are refused
/// at once. Cheap to clone; all of a name in one app are the same.
#[derive(Clone, Debug)]
pub struct Circuit {
    name: String,
    fuse: Fuse,
}

/// Why a call through a circuit did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircuitError<E> {
    /// The circuit is open: it was not called.
    Open {
        /// The service.
        name: String,
        /// When it is tried again.
        until: Timestamp,
    },
    /// It was called, and failed.
    Failed(E),
}

impl App {
    /// The circuit of a service, as `[breakers]` says. A [check](App::check) of
    /// the same name opens it too.
    ///
    /// ```
    /// # use celeriac::App;
    /// # #[tokio::main]
    /// # async fn main() {
    /// let bank = App::memory().circuit("bank");
    /// let paid = bank.call(async { Ok::<_, std::io::Error>(7) }).await;
    /// assert_eq!(paid.unwrap(), 7);
    /// # }
    /// ```
    #[must_use]
    pub fn circuit(&self, name: &str) -> Circuit {
        Circuit { name: name.to_owned(), fuse: self.fuse(name) }
    }
}

impl Circuit {
    /// Does `call`, unless the circuit is open. Three failures, one after the
    /// other, open it.
    ///
    /// # Errors
    /// [`CircuitError::Open`] when it was not called, else what the call said. A
    /// task that returns the first is tried again when the circuit is.
    ///
    /// # Cancel safety
    /// As `call`; a probe that is dropped gives its place to another after 30 s.
    pub async fn call<T, E: fmt::Display>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CircuitError<E>> {
        if let Permit::Refuse { until } = self.fuse.ask(Timestamp::now()) {
            return Err(CircuitError::Open { name: self.name.clone(), until });
        }
        match call.await {
            Ok(value) => {
                self.fuse.succeeded(Timestamp::now());
                Ok(value)
            }
            Err(error) => {
                self.fuse.failed(Timestamp::now(), &error.to_string());
                Err(CircuitError::Failed(error))
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for CircuitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, until } => {
                write!(f, "the circuit of `{name}` is open until {until}")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for CircuitError<E> {}

impl<E> Retryable for CircuitError<E> {
    /// Again when the circuit is tried again; else as the task's policy says.
    fn retry(&self) -> Retry {
        match self {
            Self::Open { until, .. } => Retry::After(until.since(Timestamp::now())),
            Self::Failed(_) => Retry::Backoff,
        }
    }
}
