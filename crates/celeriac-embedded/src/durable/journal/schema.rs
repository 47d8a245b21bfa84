//! The database file: its header, its tables, its connections. A file that is
//! not ours is never touched.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags};

use super::fault::{self, Fault};
use crate::{Options, SyncMode};

/// The name of the database in its directory.
pub(crate) const DATABASE: &str = "celeriac.db";

/// `Cele` in ASCII.
const APPLICATION_ID: u32 = 0x4365_6c65;
/// The version of the tables that this build reads and writes.
const SCHEMA: u32 = 1;

const HEADER: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

pub(super) const PAGE_BYTES: u32 = 4096;
/// What the writer keeps of the database in memory.
const WRITER_CACHE_KIB: i64 = 16 << 10;
/// What a reader keeps of the database in memory.
const READER_CACHE_KIB: i64 = 4 << 10;
/// The log is brought into the database once it has this many pages (4 MiB):
/// more would not be faster, but would make one publish wait for longer.
pub(super) const CHECKPOINT_PAGES: u32 = 1024;
/// What the log may keep on disk after a peak.
const LOG_BYTES: i64 = 64 << 20;
/// How long another process's lock is waited for; none but a person's tools
/// ever hold one.
const BUSY: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 64;

const TABLES: &str = "
CREATE TABLE pack (
    seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, priority INTEGER NOT NULL,
    count INTEGER NOT NULL, messages BLOB NOT NULL) STRICT;
CREATE TABLE settled (seq INTEGER PRIMARY KEY, bits INTEGER NOT NULL) STRICT;
CREATE TABLE death (id BLOB PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE result (
    id BLOB PRIMARY KEY, version INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    outcome BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE expiry (
    bucket INTEGER NOT NULL, seq INTEGER NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (bucket, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE timer (
    id BLOB PRIMARY KEY, due INTEGER NOT NULL, attempt INTEGER NOT NULL,
    message BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dedup (
    key TEXT PRIMARY KEY, id BLOB NOT NULL, confirmed INTEGER NOT NULL,
    until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_until ON dedup (until);
CREATE TABLE quarantine (
    id BLOB PRIMARY KEY, name TEXT, queue TEXT NOT NULL, reason TEXT NOT NULL,
    record BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE revocation (id BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Opens the database to write, and makes it if there is none.
pub(super) fn open_writer(directory: &Path, options: &Options) -> Result<Connection> {
    let path = directory.join(DATABASE);
    let found = inspect(&path)?;
    open_found(&path, found, options)
}

/// Opens a database to write that was open before, and must be there.
pub(super) fn reopen_writer(directory: &Path, options: &Options) -> Result<Connection> {
    let path = directory.join(DATABASE);
    match inspect(&path)? {
        Found::Ours => open_found(&path, Found::Ours, options),
        Found::Nothing => Err(foreign(&path, "it was removed while it was in use")),
    }
}

fn open_found(path: &Path, found: Found, options: &Options) -> Result<Connection> {
    let failed = |error: rusqlite::Error| failed(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    if found == Found::Nothing {
        make_tables(&mut connection).map_err(failed)?;
    }
    let synchronous = match options.sync {
        SyncMode::Full => "FULL",
        SyncMode::Normal => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA cache_size = -{WRITER_CACHE_KIB};
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
             PRAGMA journal_size_limit = {LOG_BYTES};
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = OFF;"
        ))
        .map_err(failed)?;
    if let Some(bytes) = options.max_bytes {
        let pages = bytes / u64::from(PAGE_BYTES);
        let limit = format!("PRAGMA max_page_count = {pages}");
        connection.execute_batch(&limit).map_err(failed)?;
    }
    Ok(connection)
}

/// Opens the database to read, beside its writer.
pub(crate) fn open_reader(directory: &Path) -> Result<Connection> {
    let path = directory.join(DATABASE);
    let failed = |error: rusqlite::Error| failed(&path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .execute_batch(&format!("PRAGMA cache_size = -{READER_CACHE_KIB}"))
        .map_err(failed)?;
    Ok(connection)
}

fn make_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}"))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA};"
    ))?;
    transaction.commit()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
}

/// Looks at a file without SQLite, which would change it.
fn inspect(path: &Path) -> Result<Found> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(fault::file("open", path, error)),
    };
    let io = |error| fault::file("open", path, error);
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(foreign(path, "it is a directory"));
    }
    if metadata.len() == 0 {
        return Ok(Found::Nothing);
    }
    let mut header = [0; HEADER];
    if metadata.len() < HEADER as u64 || file.read_exact(&mut header).is_err() {
        return Err(foreign(path, "it is too short to be a database"));
    }
    check_header(path, &header)?;
    let page_bytes = match be(&header, 16) >> 16 {
        1 => 65536,
        bytes => u64::from(bytes),
    };
    let expected = page_bytes * u64::from(be(&header, 28));
    if metadata.len() < expected && log_is_empty(path) {
        let found = metadata.len();
        let reason = format!("it has {found} bytes and should have {expected}: it was cut off");
        return Err(foreign(path, &reason));
    }
    Ok(Found::Ours)
}

fn check_header(path: &Path, header: &[u8; HEADER]) -> Result<()> {
    if !header.starts_with(MAGIC) {
        return Err(foreign(path, "it is no SQLite database"));
    }
    if be(header, 68) != APPLICATION_ID {
        return Err(foreign(path, "it is another program's SQLite database"));
    }
    match be(header, 60) {
        SCHEMA => Ok(()),
        0 => Err(foreign(path, "it was never finished")),
        newer => {
            let context = format!(
                "{}: its tables have version {newer}, this build knows version {SCHEMA}; \
                 open it with the newer Celeriac that wrote it",
                path.display()
            );
            Err(Error::new(ErrorKind::Config, "open", context))
        }
    }
}

fn be(header: &[u8; HEADER], at: usize) -> u32 {
    let bytes = header[at..].first_chunk().copied().unwrap_or_default();
    u32::from_be_bytes(bytes)
}

/// While the log holds pages, the file may lack them.
fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::metadata(PathBuf::from(log)) {
        Ok(metadata) => metadata.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn foreign(path: &Path, reason: &str) -> Error {
    let address = path.display().to_string();
    Fault::new(ErrorKind::Corrupt, reason).error("open", &address)
}

fn failed(path: &Path, error: &rusqlite::Error) -> Error {
    let address = path.display().to_string();
    Fault::from(error).error("open", &address)
}
