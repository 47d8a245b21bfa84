//! The plan of one index, on disk: what to do, and the workflow that does it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use celeriac::MessageId;
use serde::{Deserialize, Serialize};

use crate::walk::{Found, Unreadable, walk};

const PLAN: &str = "plan.json";
const LOCK: &str = "lock";

#[derive(Serialize, Deserialize)]
struct Stored {
    run: MessageId,
    dir: Vec<u8>,
    files: Vec<Found>,
    unreadable: Vec<Unreadable>,
}

/// What to do. A plan lives in `--out` until its manifest is written.
pub struct Plan {
    /// The id of the workflow.
    pub run: MessageId,
    /// Where the manifest goes.
    pub out: PathBuf,
    /// Held as long as this process indexes into `out`.
    _lock: File,
    /// The folder that is indexed.
    pub dir: PathBuf,
    /// Its files.
    pub files: Vec<Found>,
    /// Its folders that could not be read.
    pub unreadable: Vec<Unreadable>,
}

impl Plan {
    /// Takes up the unfinished plan in `out`, or makes one by walking `dir`.
    pub fn open(dir: &Path, out: &Path, restart: bool) -> anyhow::Result<Self> {
        let dir = fs::canonicalize(dir)
            .with_context(|| format!("failed to open the folder {}", dir.display()))?;
        if !dir.is_dir() {
            bail!("{} is no folder; give the folder to index", dir.display());
        }
        fs::create_dir_all(out).with_context(|| format!("failed to create {}", out.display()))?;
        let out = fs::canonicalize(out)?;
        let lock = File::create(out.join(LOCK)).context("failed to create the lock file")?;
        if lock.try_lock().is_err() {
            bail!("another index runs in {}; wait for it, or choose another --out", out.display());
        }
        match fs::read(out.join(PLAN)) {
            Ok(bytes) if !restart => Self::take_up(&bytes, dir, out, lock),
            _ => Self::make(dir, out, lock),
        }
    }

    fn take_up(bytes: &[u8], dir: PathBuf, out: PathBuf, lock: File) -> anyhow::Result<Self> {
        let stored: Stored = serde_json::from_slice(bytes).with_context(|| {
            format!("failed to read {}; begin anew with --restart", out.join(PLAN).display())
        })?;
        let planned = crate::walk::relative("", Some(&stored.dir));
        if planned != dir {
            bail!(
                "{} holds an unfinished index of {}; finish it, choose another --out, or give it \
                 up with --restart",
                out.display(),
                planned.display()
            );
        }
        let Stored { run, files, unreadable, .. } = stored;
        eprintln!("going on with the index of {} files", files.len());
        Ok(Self { run, out, _lock: lock, dir, files, unreadable })
    }

    fn make(dir: PathBuf, out: PathBuf, lock: File) -> anyhow::Result<Self> {
        use std::os::unix::ffi::OsStrExt;
        let (files, unreadable) = walk(&dir, &out);
        let stored = Stored {
            run: MessageId::new(),
            dir: dir.as_os_str().as_bytes().to_vec(),
            files,
            unreadable,
        };
        write(&out.join(PLAN), &serde_json::to_vec(&stored)?)?;
        let Stored { run, files, unreadable, .. } = stored;
        Ok(Self { run, out, _lock: lock, dir, files, unreadable })
    }

    /// The manifest is written: the next index begins anew.
    pub fn finish(&self) -> anyhow::Result<()> {
        remove(&self.out.join(PLAN))
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all, also if the machine stops meanwhile.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    });
    written.with_context(|| format!("failed to write {}", path.display()))
}
