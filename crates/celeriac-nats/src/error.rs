//! What the client library and the server say went wrong, as the driver wall
//! has it.

use async_nats::{ConnectError, ConnectErrorKind};
use celeriac_core::{Error, ErrorKind};
use serde::Deserialize;

/// An error of connecting to `place` (an address without its secrets).
pub(crate) fn of_connecting(place: &str, error: ConnectError) -> Error {
    let (kind, advice) = match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            (ErrorKind::Denied, "the server refuses it: check user, password or token")
        }
        ConnectErrorKind::ServerParse => (ErrorKind::Config, "the address can't be read"),
        ConnectErrorKind::Tls => {
            (ErrorKind::Unreachable, "no TLS: is the server's certificate one the system trusts?")
        }
        ConnectErrorKind::TimedOut => (ErrorKind::Timeout, "the server does not answer in time"),
        _ => (ErrorKind::Unreachable, "the server can't be reached"),
    };
    Error::new(kind, "open", format!("{place}: {advice}")).caused_by(error)
}

/// No connection, or no answer in time.
pub(crate) fn unreachable(operation: &'static str, place: &str) -> Error {
    let context = format!("{place}: the server can't be reached, or went away");
    Error::new(ErrorKind::Unreachable, operation, context)
}

/// What JetStream says went wrong.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

impl Refusal {
    /// The stream is there with another configuration.
    pub(crate) const IN_USE: u64 = 10058;
    /// Its store could not be made: also while another request makes or
    /// removes the same stream.
    pub(crate) const NO_STORE: u64 = 10049;

    pub(crate) fn into_error(self, operation: &'static str, place: &str) -> Error {
        let (kind, advice) = match (self.code, self.err_code) {
            (_, 10023 | 10028 | 10047 | 10077) => {
                (ErrorKind::NoSpace, "the server has no room: raise its limits, or purge queues")
            }
            (_, 10054) => (ErrorKind::Invalid, "the stream takes no message so large"),
            (_, 10039 | 10076) => {
                (ErrorKind::Config, "JetStream is not enabled: start the server with `-js`")
            }
            (503, _) => (ErrorKind::Busy, "JetStream is not ready; try again"),
            _ => (ErrorKind::Internal, "the server refused it"),
        };
        let told = format!("{place}: {advice} ({} {})", self.err_code, self.description);
        Error::new(kind, operation, told)
    }
}
