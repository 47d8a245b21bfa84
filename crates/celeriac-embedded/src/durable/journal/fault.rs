//! What a database or file error means at the driver wall.

use std::io;
use std::path::Path;

use celeriac_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// A database error, classified; it can be told to several callers.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    text: String,
}

impl Fault {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }

    /// The error of an operation on what is at `address`.
    pub(crate) fn error(&self, operation: &'static str, address: &str) -> Error {
        let advice = match self.kind {
            ErrorKind::NoSpace => "the disk is full; make room, it goes on by itself",
            ErrorKind::Corrupt => {
                "it is damaged or not Celeriac's; nothing was changed: move it away or restore it"
            }
            ErrorKind::Denied => "it may not be read or written; check its owner and permissions",
            ErrorKind::Busy => "another process has it locked; only Celeriac may open it",
            _ => "the database failed",
        };
        Error::new(self.kind, operation, format!("{address}: {advice}: {}", self.text))
    }
}

impl From<&rusqlite::Error> for Fault {
    fn from(error: &rusqlite::Error) -> Self {
        let kind = match error {
            rusqlite::Error::SqliteFailure(failure, _) => kind_of(failure),
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => ErrorKind::Corrupt,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

fn kind_of(failure: &rusqlite::ffi::Error) -> ErrorKind {
    match (failure.code, failure.extended_code) {
        (ErrorCode::DiskFull, _)
        | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE | rusqlite::ffi::SQLITE_IOERR_SHMOPEN) => {
            ErrorKind::NoSpace
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => ErrorKind::Corrupt,
        (_, rusqlite::ffi::SQLITE_IOERR_SHORT_READ) => ErrorKind::Corrupt,
        (ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen, _) => {
            ErrorKind::Denied
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => ErrorKind::Busy,
        _ => ErrorKind::Internal,
    }
}

/// The error of an operation on a file or directory.
pub(crate) fn file(operation: &'static str, path: &Path, error: io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "it may not be read or written; check its owner and permissions")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            (ErrorKind::Config, "it is not a directory; give the path of one, or of nothing yet")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::NoSpace, "the disk is full; make room, it goes on by itself")
        }
        _ => (ErrorKind::Internal, "the file system failed"),
    };
    let context = format!("{}: {advice}: {error}", path.display());
    Error::new(kind, operation, context).caused_by(error)
}
