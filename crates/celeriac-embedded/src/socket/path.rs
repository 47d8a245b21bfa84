//! A socket's path. The address of a Unix socket holds 107 bytes; where a path
//! is longer, it is reached through the open directory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::SOCKET;

/// The longest path that fits into a socket's address.
const LONGEST: usize = 107;

/// A path by which the socket can be bound or connected to, while this lives.
pub(super) struct SocketPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl SocketPath {
    /// The socket's path in a directory.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path, _directory: None });
        }
        let open = File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd()));
        Ok(Self { path, _directory: Some(open) })
    }

    pub(super) fn as_path(&self) -> &Path {
        &self.path
    }
}
