//! What can go wrong with keys and their files.

use std::path::PathBuf;

/// Why keys could not be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("failed to {operation} {}: {source}", path.display())]
    File {
        /// What was being done.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is there and is not what it should be.
    #[error("{} is no file of keys: {reason}; mend it, or move it away", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Others may read a private key.
    #[error(
        "{} can be read by others (mode {mode:o}); a private key is for its owner alone: run \
         `chmod 600` on it, and `celeriac key rotate` if somebody may have read it",
        path.display()
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is a key already.
    #[error(
        "{} holds a key already; `celeriac key rotate` makes a new one and lets the old one \
         fade out",
        path.display()
    )]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// A text is no public key.
    #[error("`{text}` is no public key: {reason}; `celeriac key list` prints one to copy")]
    PublicKey {
        /// The first characters of the text.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A certificate could not be made.
    #[error("failed to make a certificate for `{names}`: {source}")]
    Certificate {
        /// For which names.
        names: String,
        /// What the library said.
        source: rcgen::Error,
    },
}
