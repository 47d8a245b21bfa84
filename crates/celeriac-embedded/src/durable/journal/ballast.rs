//! Ballast: room on disk that is kept for the moment when there is none left.
//!
//! SQLite writes to its log first, also what frees room, and brings the log
//! into the database later, for which that has to grow. On a full disk neither
//! can: nothing could be written any more, however much was acknowledged. So a
//! file holds some room. It is thrown off when what frees room finds none, and
//! nothing that needs room is written until it is back.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the file.
const BALLAST: &str = "ballast";
/// Twice what the log has when it is brought into the database.
pub(super) const PAGES: i64 = 2 * super::schema::CHECKPOINT_PAGES as i64;
const BYTES: u64 = PAGES.unsigned_abs() * super::schema::PAGE_BYTES as u64;

#[derive(Debug)]
pub(super) struct Ballast {
    directory: PathBuf,
    is_held: bool,
}

impl Ballast {
    /// The ballast of a directory, taken on if there is room for it.
    pub(super) fn of(directory: &Path) -> Self {
        let mut ballast = Self { directory: directory.to_owned(), is_held: false };
        ballast.take_on();
        ballast
    }

    /// Gives the room free; whether it held any.
    pub(super) fn throw_off(&mut self) -> bool {
        std::mem::take(&mut self.is_held) && throw_off(&self.directory)
    }

    /// Takes the room again, if there is enough; whether it is held. Where files
    /// can't be given room ahead, there is no ballast, and it counts as held.
    pub(super) fn take_on(&mut self) -> bool {
        if self.is_held {
            return true;
        }
        match allocate(&self.directory.join(BALLAST)) {
            Err(error) if is_full(&error) => {
                throw_off(&self.directory);
            }
            Err(error) => {
                tracing::debug!(%error, directory = %self.directory.display(), "no ballast");
                self.is_held = true;
            }
            Ok(()) => self.is_held = true,
        }
        self.is_held
    }
}

/// Gives the room of a directory's ballast free; whether there was any.
pub(super) fn throw_off(directory: &Path) -> bool {
    std::fs::remove_file(directory.join(BALLAST)).is_ok()
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(target_os = "linux")]
fn allocate(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    Ok(rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, BYTES)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
