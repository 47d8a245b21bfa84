//! What the client library says went wrong, as the driver wall has it.

use celeriac_core::{Error, ErrorKind};
use lapin::ErrorKind as Cause;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

/// An error of `operation` at `place` (an address without its secrets).
pub(crate) fn classify(operation: &'static str, place: &str, error: lapin::Error) -> Error {
    let kind = kind(&error);
    let advice = match kind {
        ErrorKind::Unreachable => "the server can't be reached, or went away",
        ErrorKind::Busy => "the server has that queue locked; try again",
        ErrorKind::Denied => "the server refuses it: check user, password and permissions",
        ErrorKind::Config => {
            "a queue of that name was declared otherwise; delete it, or choose another `prefix`"
        }
        _ => "the server refused it",
    };
    // The text of the library names queues and hosts, never a password.
    Error::new(kind, operation, format!("{place}: {advice}")).caused_by(error)
}

/// Whether a queue is not there (any more).
pub(crate) fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), Cause::ProtocolError(error)
        if matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

/// The kind of it, as the driver wall has them.
pub(crate) fn kind(error: &lapin::Error) -> ErrorKind {
    let Cause::ProtocolError(refusal) = error.kind() else {
        return match error.kind() {
            Cause::IOError(_)
            | Cause::InvalidChannel(_)
            | Cause::InvalidChannelState(..)
            | Cause::InvalidConnectionState(_)
            | Cause::MissingHeartbeatError
            | Cause::ChannelsLimitReached => ErrorKind::Unreachable,
            _ => ErrorKind::Internal,
        };
    };
    match refusal.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)
        | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => ErrorKind::Denied,
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => ErrorKind::Config,
        AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED) => ErrorKind::Busy,
        // A queue that went away meanwhile is declared again by the next call.
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
        // The server ended the connection, for reasons of its own.
        | AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED | AMQPHardError::INTERNALERROR) => {
            ErrorKind::Unreachable
        }
        _ => ErrorKind::Internal,
    }
}
