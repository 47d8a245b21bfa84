//! Reading and writing files of keys: whole or not at all, secrets for the
//! owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Its owner alone.
    Secret,
    /// Anybody.
    Public,
}

/// The file's content; nothing if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, secrecy: Secrecy) -> Result<Option<T>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file("read", path, source)),
    };
    if secrecy == Secrecy::Secret {
        refuse_exposed(path)?;
    }
    let malformed = |error: toml::de::Error| Error::Malformed {
        path: path.to_owned(),
        // Its `Display` quotes the line, which may be a secret.
        reason: error.message().to_owned(),
    };
    toml::from_str(&text).map(Some).map_err(malformed)
}

/// Writes the file anew: beside it, synced, then in its place.
pub(crate) fn write<T: Serialize>(
    path: &Path,
    secrecy: Secrecy,
    heading: &str,
    content: &T,
) -> Result<(), Error> {
    let malformed = |error: toml::ser::Error| Error::Malformed {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let text = format!("{heading}\n{}", toml::to_string(content).map_err(malformed)?);
    write_text(path, secrecy, &text)
}

/// Writes a text anew: beside the file, synced, then in its place.
pub(crate) fn write_text(path: &Path, secrecy: Secrecy, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| file("create", folder, source))?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = create(&beside, secrecy).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|source| {
        // What is half written must not stay; that it can't be removed changes nothing.
        let _ = fs::remove_file(&beside);
        file("write", path, source)
    })
}

#[cfg(unix)]
fn create(path: &Path, secrecy: Secrecy) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mode = if secrecy == Secrecy::Secret { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: Secrecy) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(|source| file("read", path, source))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::Exposed { path: path.to_owned(), mode })
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path) -> Result<(), Error> {
    Ok(())
}

fn file(operation: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File { operation, path: path.to_owned(), source }
}
