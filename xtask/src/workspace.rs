//! What the repository holds: its root, its files, its packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A text file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl File {
    /// Reads a file.
    pub(crate) fn read(path: &str) -> Result<Self> {
        let text = fs::read_to_string(root().join(path));
        let text = text.with_context(|| format!("failed to read {path}"))?;
        Ok(Self { path: path.to_owned(), text })
    }
}

/// Every Rust file of the workspace, by path; not the targets of builds.
pub(crate) fn rust_files() -> Result<Vec<File>> {
    let mut paths = Vec::new();
    for folder in ["benches", "crates", "xtask", "examples", "fuzz"] {
        collect(&root().join(folder), &mut paths)?;
    }
    paths.sort();
    let paths = paths.iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| File::read(path)).collect()
}

/// The names of the entries of a folder; none if there is no such folder.
pub(crate) fn entries(folder: &str) -> Result<Vec<String>> {
    let folder = root().join(folder);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn collect(folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "corpus" {
                collect(&path, paths)?;
            }
        } else {
            paths.push(relative(&path));
        }
    }
    Ok(())
}

fn relative(path: &Path) -> String {
    let parts: PathBuf = path.strip_prefix(root()).unwrap_or(path).into();
    let parts = parts.components().map(|part| part.as_os_str().to_string_lossy());
    Vec::from_iter(parts).join("/")
}

/// A dependency as a manifest names it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package that it names.
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// A package of the workspace.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The workspace's own packages.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let arguments = ["metadata", "--format-version=1", "--no-deps"];
    let json = shell::output("cargo", &arguments)?;
    let metadata: Metadata =
        serde_json::from_str(&json).context("failed to read what `cargo metadata` printed")?;
    Ok(metadata.packages)
}
