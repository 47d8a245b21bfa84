//! Lines of JSON at the end of a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::sink::json;
use celeriac_core::{BoxFuture, Message, Sink};

use crate::fault;

/// How much is read at once to find the end of the last whole line.
const STEP: u64 = 4096;

/// A sink that adds a line of JSON to a file for each document:
/// `{"id":…,"name":…,"at":…,"value":…}`.
///
/// A batch is on disk (`fdatasync`) before it counts as written. A line that a
/// crash cut off is removed before the next is written. Several processes may
/// write to the same file of one machine: each batch holds the file's lock.
///
/// ```
/// use celeriac_connect::sinks::Jsonl;
/// let archive = Jsonl::new("./archive.jsonl").rotate_at(64 << 20);
/// # let _ = archive;
/// ```
#[derive(Clone, Debug)]
pub struct Jsonl {
    path: PathBuf,
    rotate_at: Option<u64>,
}

impl Jsonl {
    /// A sink over the file at `path`, which is made, with the folders above it,
    /// when the first document comes.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), rotate_at: None }
    }

    /// Begins a new file once the present one has this many bytes. The former
    /// ones are kept as `<path>.1`, `<path>.2` …, the latest with the highest
    /// number; nothing here removes them. Default never.
    #[must_use]
    pub const fn rotate_at(mut self, bytes: u64) -> Self {
        self.rotate_at = Some(bytes);
        self
    }

    fn append(&self, batch: &[Arc<Message>]) -> Result<()> {
        let mut lines = Vec::new();
        for message in batch {
            json::record(message, &mut lines)?;
            lines.push(b'\n');
        }
        let written = self.locked().and_then(|mut file| {
            file.write_all(&lines)?;
            file.sync_data()
        });
        written.map_err(|error| fault::file("write to", &self.path, error))
    }

    /// The file, locked, at its end, which is the end of a line.
    fn locked(&self) -> io::Result<File> {
        loop {
            let mut file = self.open()?;
            file.lock()?;
            // Who waited for the lock may hold what was moved away meanwhile.
            if !is_at(&file, &self.path)? {
                continue;
            }
            end_of_last_line(&mut file)?;
            let bytes = file.metadata()?.len();
            if !self.rotate_at.is_some_and(|limit| bytes >= limit && bytes > 0) {
                return Ok(file);
            }
            fs::rename(&self.path, self.next_former()?)?;
        }
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(parent)?;
        let file = options.create(true).open(&self.path)?;
        // The name must be as durable as what is written.
        File::open(parent)?.sync_all()?;
        Ok(file)
    }

    fn next_former(&self) -> io::Result<PathBuf> {
        let numbered = |number: u64| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        let mut number = 1;
        while numbered(number).try_exists()? {
            number += 1;
        }
        Ok(numbered(number))
    }
}

impl Sink for Jsonl {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match batch {
                [] => Ok(()),
                batch => self.append(batch),
            }
        })
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where a file that is open can't be moved away.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// Cuts off what follows the last line feed: a crash left it.
fn end_of_last_line(file: &mut File) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    let mut end = bytes;
    while end > 0 {
        let begin = end.saturating_sub(STEP);
        let mut part = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        (&*file).take(end - begin).read_to_end(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            end = begin + at as u64 + 1;
            break;
        }
        end = begin;
    }
    if end < bytes {
        file.set_len(end)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::{ContentType, Name};

    fn document(body: &'static str) -> Arc<Message> {
        Message::document(Name::from_static("t"), ContentType::Json, body).into()
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_that_was_cut_off_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/folder/out.jsonl");
        let sink = Jsonl::new(&path);
        sink.append(&[document("1")]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&vec![b'x'; 10_000]).unwrap();
        sink.append(&[document("2")]).unwrap();
        let lines = lines(&path);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].ends_with("\"value\":1}") && lines[1].ends_with("\"value\":2}"));
    }

    #[test]
    fn a_large_file_is_followed_by_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.jsonl");
        let sink = Jsonl::new(&path).rotate_at(1);
        for body in ["1", "2", "3"] {
            sink.append(&[document(body)]).unwrap();
        }
        for (name, value) in [("out.jsonl.1", 1), ("out.jsonl.2", 2), ("out.jsonl", 3)] {
            let lines = lines(&directory.path().join(name));
            assert!(lines[0].ends_with(&format!("\"value\":{value}}}")), "{name}: {lines:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = Jsonl::new(directory.path()).append(&[document("1")]).unwrap_err();
        assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
    }
}
