//! What the client library says went wrong, as the driver wall has it.

use celeriac_core::{Error, ErrorKind};
use redis::{ErrorKind as Cause, RedisError, ServerErrorKind};

/// An error of `operation` at `place` (an address without its secrets).
pub(crate) fn classify(operation: &'static str, place: &str, error: RedisError) -> Error {
    let kind = kind(&error);
    let advice = match kind {
        ErrorKind::Unreachable => "the server can't be reached, or went away",
        ErrorKind::Timeout => "the server does not answer in time",
        ErrorKind::Busy => "the server is busy or loads its data; try again",
        ErrorKind::NoSpace => "the server is out of memory: raise its `maxmemory`, or purge queues",
        ErrorKind::Denied => "the server refuses it: check user, password and ACL",
        ErrorKind::Config => "the address or an option is wrong",
        _ => "the server refused it",
    };
    // The text of the library names commands and hosts, never a password.
    Error::new(kind, operation, format!("{place}: {advice}")).caused_by(error)
}

fn kind(error: &RedisError) -> ErrorKind {
    if error.is_timeout() {
        return ErrorKind::Timeout;
    }
    match error.code() {
        Some("OOM" | "MISCONF") => return ErrorKind::NoSpace,
        Some("NOPERM" | "NOAUTH" | "WRONGPASS") => return ErrorKind::Denied,
        Some("LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "READONLY") => {
            return ErrorKind::Busy;
        }
        _ => {}
    }
    match error.kind() {
        Cause::AuthenticationFailed => ErrorKind::Denied,
        Cause::InvalidClientConfig | Cause::RESP3NotSupported => ErrorKind::Config,
        Cause::Io | Cause::ClusterConnectionNotFound => ErrorKind::Unreachable,
        Cause::Server(ServerErrorKind::BusyLoading | ServerErrorKind::TryAgain) => ErrorKind::Busy,
        Cause::Server(ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown) => {
            ErrorKind::Busy
        }
        _ if error.is_io_error() || error.is_connection_dropped() => ErrorKind::Unreachable,
        _ => ErrorKind::Internal,
    }
}
