//! Errors of files, as the driver wall says them.

use std::io;
use std::path::Path;

use celeriac_core::{Error, ErrorKind};

/// An error of `operation` at `path`.
pub(crate) fn file(operation: &'static str, path: &Path, error: io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::NoSpace, "make room; it goes on by itself")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "allow this process to use it")
        }
        io::ErrorKind::NotFound => (ErrorKind::Unreachable, "it is not there"),
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            (ErrorKind::Config, "give another path")
        }
        _ => (ErrorKind::Internal, "look at the cause"),
    };
    Error::new(kind, operation, format!("{}: {error}; {advice}", path.display())).caused_by(error)
}
