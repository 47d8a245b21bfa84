//! The task: read one file, count and hash it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use celeriac::{Retry, Retryable, State, TaskContext};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of a file is read at once.
const CHUNK: usize = 128 * 1024;

/// The folder that is indexed.
pub struct Root(pub PathBuf);

/// What is said of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    pub bytes: u64,
    pub lines: u64,
    pub sha256: String,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReadError(#[from] io::Error);

impl Retryable for ReadError {
    /// What is missing or forbidden stays so; everything else may pass.
    fn retry(&self) -> Retry {
        match self.0.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
                Retry::Never
            }
            _ => Retry::Backoff,
        }
    }
}

/// Reads one file. `raw` is its path where that is no UTF-8.
#[celeriac::task]
pub fn hash_file(
    path: String,
    raw: Option<Vec<u8>>,
    root: State<Root>,
    ctx: &TaskContext,
) -> Result<FileFacts, ReadError> {
    let file = root.0.join(crate::walk::relative(&path, raw.as_deref()));
    let facts = read(&file, ctx)?;
    #[cfg(test)]
    crate::kills::say("read");
    Ok(facts)
}

fn read(path: &Path, ctx: &TaskContext) -> io::Result<FileFacts> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let (mut bytes, mut lines) = (0, 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if ctx.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        hasher.update(&chunk[..count]);
        bytes += count as u64;
        lines += chunk[..count].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileFacts { bytes, lines, sha256 })
}
