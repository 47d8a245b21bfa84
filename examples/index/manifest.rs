//! The manifest: what is said of every file, sorted by path.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::task::FileFacts;
use crate::walk::{Found, Unreadable};

#[derive(Serialize)]
pub struct Indexed {
    path: String,
    bytes: u64,
    lines: u64,
    sha256: String,
}

#[derive(Serialize)]
pub struct Failed {
    pub path: String,
    pub error: String,
}

#[derive(Serialize)]
pub struct Manifest {
    pub files: Vec<Indexed>,
    pub failed: Vec<Failed>,
}

impl Manifest {
    /// A manifest that knows of the folders that could not be read.
    pub fn new(unreadable: &[Unreadable]) -> Self {
        let failed =
            |folder: &Unreadable| Failed { path: folder.path.clone(), error: folder.error.clone() };
        Self { files: Vec::new(), failed: unreadable.iter().map(failed).collect() }
    }

    pub fn add(&mut self, file: &Found, facts: FileFacts) {
        let FileFacts { bytes, lines, sha256 } = facts;
        self.files.push(Indexed { path: file.path.clone(), bytes, lines, sha256 });
    }

    pub fn add_failed(&mut self, file: &Found, error: String) {
        self.failed.push(Failed { path: file.path.clone(), error });
    }

    pub fn sort(&mut self) {
        self.files.sort_by(|left, right| left.path.cmp(&right.path));
        self.failed.sort_by(|left, right| left.path.cmp(&right.path));
    }

    /// Writes `manifest.json` into `out`.
    pub fn write(&self, out: &Path) -> anyhow::Result<PathBuf> {
        let path = out.join("manifest.json");
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        crate::plan::write(&path, &json)?;
        Ok(path)
    }
}
