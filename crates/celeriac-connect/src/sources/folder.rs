//! A watched folder: each new file becomes a document.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use celeriac_core::body::DEFAULT_MAX_BODY_BYTES;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, Source, id_of};
use celeriac_core::{BoxFuture, ContentType, Error, ErrorKind, HeaderValue, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fault;

/// How many new files one look remembers; those after them are found by the next.
const REMEMBERED: usize = 65_536;

/// A source that finds new files in a folder.
///
/// A file is found once nobody has changed it for the settling time (1 s), in
/// order of that change. The document is its content, with the content type of
/// its ending and its path in the header `path`; or, with [`paths`](Self::paths),
/// only what is known of it: `{"path":…,"bytes":…,"modified_at":…}`.
///
/// A file that is changed later is found again, as another document; one that
/// stays as it was keeps its document's id. So write beside the folder and move
/// the file in, or keep writing without pauses. Names that begin with a dot and
/// symbolic links are left out. Files are never changed or removed.
///
/// The folder's clock must be this machine's: a file from a clock that is behind
/// may be missed.
///
/// ```
/// use celeriac_connect::sources::Folder;
/// let inbox = Folder::new("./inbox").recursive();
/// # let _ = inbox;
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    every: Duration,
    settle: Duration,
    max_bytes: u64,
    depth: Depth,
    content: Content,
    /// What the latest look found and was not given yet, after the cursor.
    found: VecDeque<Found>,
    /// Where `found` begins.
    after: Option<Place>,
}

#[derive(Clone, Copy, Debug)]
enum Depth {
    Flat,
    Recursive,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Bytes,
    Facts,
}

/// A file's place in the order in which files came to be as they are; as a
/// cursor, how far it was looked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    changed_ns: u64,
    path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    place: Place,
    bytes: u64,
    modified: Timestamp,
}

/// What is said of a file instead of its content.
#[derive(Serialize)]
struct Facts<'a> {
    path: &'a str,
    bytes: u64,
    modified_at: Timestamp,
}

impl Folder {
    /// A source over the folder at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            every: Duration::from_secs(1),
            settle: Duration::from_secs(1),
            max_bytes: DEFAULT_MAX_BODY_BYTES as u64,
            depth: Depth::Flat,
            content: Content::Bytes,
            found: VecDeque::new(),
            after: None,
        }
    }

    /// How often it looks. Default 1 s.
    #[must_use]
    pub const fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    /// How long a file must have been left alone. Less than what the file
    /// system's clock can tell (10 ms) loses files. Default 1 s.
    #[must_use]
    pub const fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
        self
    }

    /// Looks into the folders below, too. Default no.
    #[must_use]
    pub const fn recursive(mut self) -> Self {
        self.depth = Depth::Recursive;
        self
    }

    /// Documents say where a file is, not what is in it. For files that are too
    /// large for a message. Default no.
    #[must_use]
    pub const fn paths(mut self) -> Self {
        self.content = Content::Facts;
        self
    }

    /// The largest file that is read. Of a larger one, and of one that this process
    /// may not read, the document says where it
    /// is, as with [`paths`](Self::paths). Default 1 MiB.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Looks for files after `after`; keeps the first of them.
    fn look(&mut self, after: Option<Place>) -> Result<()> {
        let now = SystemTime::now().checked_sub(self.settle).unwrap_or(SystemTime::UNIX_EPOCH);
        let until = since_epoch(now);
        let mut first = BinaryHeap::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            let failed = |error| fault::file("look into", &folder, error);
            let entries = match fs::read_dir(&folder) {
                // One that is gone meanwhile holds nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder != self.path => {
                    continue;
                }
                entries => entries.map_err(failed)?,
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let Some(metadata) = unless_gone(entry.metadata()).map_err(failed)? else {
                    continue;
                };
                if metadata.is_dir() && matches!(self.depth, Depth::Recursive) {
                    folders.push(entry.path());
                } else if metadata.is_file() {
                    let place = Place { changed_ns: changed(&metadata), path: entry.path() };
                    if place.changed_ns <= until && after.as_ref() < Some(&place) {
                        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        let (bytes, modified) = (metadata.len(), modified.into());
                        first.push(Found { place, bytes, modified });
                        if first.len() > REMEMBERED {
                            first.pop();
                        }
                    }
                }
            }
        }
        self.found = first.into_sorted_vec().into();
        self.after = after;
        Ok(())
    }

    /// The file as a document; `None` if it is gone.
    fn document(&self, found: &Found) -> Result<Option<Document>> {
        let path = &found.place.path;
        let relative = path.strip_prefix(&self.path).unwrap_or(path);
        let text = relative.to_string_lossy();
        let key = format!("{}/{}", relative.display(), found.bytes);
        let id = id_of(found.modified, &key);
        if matches!(self.content, Content::Facts) || found.bytes > self.max_bytes {
            return self.facts(found, id).map(Some);
        }
        let content = match unless_gone(fs::read(path)) {
            Ok(None) => return Ok(None),
            Ok(Some(content)) => content,
            Err(error) => {
                // One file that can't be read must not stop those behind it.
                tracing::warn!(%error, path = %path.display(), "the file can't be read");
                return self.facts(found, id).map(Some);
            }
        };
        let headers = BTreeMap::from([("path".to_owned(), HeaderValue::from(text.as_ref()))]);
        let content_type = content_type(path);
        Ok(Some(Document { id, content_type, body: content.into(), headers }))
    }

    /// What is known of the file, as a document.
    fn facts(&self, found: &Found, id: MessageId) -> Result<Document> {
        let (path, bytes, modified_at) =
            (found.place.path.to_string_lossy(), found.bytes, found.modified);
        let body = serde_json::to_vec(&Facts { path: &path, bytes, modified_at });
        let body = body.map_err(|error| {
            Error::new(ErrorKind::Internal, "describe a file", format!("{path}: {error}"))
        })?;
        Ok(Document::json(id, body))
    }

    async fn next(&mut self, cursor: Option<&Bytes>, max: usize) -> Result<Polled> {
        let after = cursor.map(|bytes| place_of(bytes)).transpose()?;
        loop {
            if self.found.is_empty() || self.after != after {
                self.look(after.clone())?;
            }
            if !self.found.is_empty() {
                break;
            }
            tokio::time::sleep(self.every).await;
        }
        let count = self.found.len().min(max);
        let mut documents = Vec::with_capacity(count);
        for found in self.found.iter().take(count) {
            documents.extend(self.document(found)?);
        }
        let last = self.found.drain(..count).next_back().map(|found| found.place);
        let cursor = last.as_ref().map(serde_json::to_vec).transpose().map_err(|error| {
            let context = format!("{}: {error}", self.path.display());
            Error::new(ErrorKind::Internal, "note how far a folder was read", context)
        })?;
        self.after = last;
        Ok(Polled { documents, cursor: cursor.map(Bytes::from) })
    }
}

impl Source for Folder {
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        max: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(self.next(cursor, max))
    }
}

fn place_of(cursor: &[u8]) -> Result<Place> {
    serde_json::from_slice(cursor).map_err(|error| {
        let context = format!("{error}; the source had another kind: give it another name");
        Error::new(ErrorKind::Corrupt, "read a folder's cursor", context)
    })
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// When the file came to be as and where it is: moving it in counts.
#[cfg(unix)]
fn changed(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(metadata.ctime_nsec()).unwrap_or_default()
}

#[cfg(not(unix))]
fn changed(metadata: &fs::Metadata) -> u64 {
    since_epoch(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

fn content_type(path: &Path) -> ContentType {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "json" => ContentType::Json,
        "msgpack" => ContentType::MessagePack,
        "txt" | "log" | "md" => "text/plain".into(),
        "csv" => "text/csv".into(),
        "jsonl" | "ndjson" => "application/x-ndjson".into(),
        "xml" => "application/xml".into(),
        "html" | "htm" => "text/html".into(),
        _ => ContentType::Raw,
    }
}
