//! Finding every regular file below a folder, without following links.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A file, by its path relative to the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// The path as text; bytes that are no UTF-8 are written as `\xff`.
    pub path: String,
    /// The path as bytes, where it is no UTF-8.
    pub raw: Option<Vec<u8>>,
}

/// A folder that could not be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unreadable {
    pub path: String,
    pub error: String,
}

/// Every regular file below `dir`, sorted, but for what is below `except`;
/// and the folders that could not be read.
pub fn walk(dir: &Path, except: &Path) -> (Vec<Found>, Vec<Unreadable>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let listed =
            fs::read_dir(dir.join(&folder)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => {
                let path = text(folder.as_os_str());
                unreadable.push(Unreadable { path, error: error.to_string() });
                continue;
            }
        };
        for entry in entries {
            let path = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && dir.join(&path) != except => folders.push(path),
                Ok(kind) if kind.is_file() => files.push(found(&path)),
                // Links lead elsewhere; pipes, sockets and devices are no files.
                Ok(_) => {}
                Err(error) => unreadable
                    .push(Unreadable { path: text(path.as_os_str()), error: error.to_string() }),
            }
        }
    }
    files.sort();
    (files, unreadable)
}

/// The path that a [`Found`] names.
pub fn relative(path: &str, raw: Option<&[u8]>) -> PathBuf {
    raw.map_or_else(|| PathBuf::from(path), |raw| PathBuf::from(OsStr::from_bytes(raw)))
}

fn found(path: &Path) -> Found {
    let name = path.as_os_str();
    let raw = name.to_str().is_none().then(|| name.as_bytes().to_vec());
    Found { path: text(name), raw }
}

fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
