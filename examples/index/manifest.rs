//! The manifest: what is said of every file, sorted by path.

use std::path::PathBuf;
use std::sync::Arc;

use celeriac::canvas::Settled;
use celeriac::{Retry, Retryable, State};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::task::FileFacts;

/// How many failures are shown; the manifest has all.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct Indexed<'a> {
    path: &'a str,
    bytes: u64,
    lines: u64,
    sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failed {
    pub path: String,
    pub error: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    files: Vec<Indexed<'a>>,
    failed: Vec<Failed>,
}

/// What is told at the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct Summary {
    pub files: usize,
    pub failed: usize,
    pub first_failures: Vec<Failed>,
    pub manifest: PathBuf,
}

/// Why the manifest was not written.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct WriteError(anyhow::Error);

impl Retryable for WriteError {
    /// A disk that is full may have room later.
    fn retry(&self) -> Retry {
        Retry::Backoff
    }
}

/// Writes `manifest.json`: the body of the chord. Its members come in the order
/// of the plan, which is that of the paths.
#[celeriac::task]
pub fn write_manifest(
    results: Vec<Settled<FileFacts>>,
    plan: State<Arc<Plan>>,
) -> Result<Summary, WriteError> {
    let unreadable = plan.unreadable.iter();
    let failed =
        unreadable.map(|folder| Failed { path: folder.path.clone(), error: folder.error.clone() });
    let mut manifest = Manifest { files: Vec::new(), failed: failed.collect() };
    for (file, result) in plan.files.iter().zip(results) {
        match result.into_result() {
            Ok(FileFacts { bytes, lines, sha256 }) => {
                manifest.files.push(Indexed { path: &file.path, bytes, lines, sha256 });
            }
            Err(error) => {
                let (path, error) = (file.path.clone(), error.failure.message);
                manifest.failed.push(Failed { path, error });
            }
        }
    }
    manifest.failed.sort_by(|left, right| left.path.cmp(&right.path));
    let path = write(&plan, &manifest).map_err(WriteError)?;
    let (files, failed) = (manifest.files.len(), manifest.failed.len());
    manifest.failed.truncate(SHOWN);
    Ok(Summary { files, failed, first_failures: manifest.failed, manifest: path })
}

fn write(plan: &Plan, manifest: &Manifest<'_>) -> anyhow::Result<PathBuf> {
    let path = plan.out.join("manifest.json");
    let mut json = serde_json::to_vec_pretty(manifest)?;
    json.push(b'\n');
    crate::plan::write(&path, &json)?;
    Ok(path)
}
