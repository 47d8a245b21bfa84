//! Peers in other languages: where their packages are, and how their programs
//! are run. The packages are installed on first use, into the workspace's own
//! `target`; without a network such peers are not measured.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::figures::Figures;
use crate::load::Load;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Where a program lies.
pub fn path(name: &str) -> PathBuf {
    Path::new(HERE).join("programs").join(name)
}

/// A folder for packages, and whether it was there.
pub fn packages(name: &str) -> Result<(PathBuf, bool)> {
    let folder = Path::new(HERE).join("target/packages").join(name);
    let is_there = folder.join("installed").exists();
    std::fs::create_dir_all(&folder)?;
    Ok((folder, is_there))
}

/// Notes that all of a folder's packages are there.
pub fn installed(folder: &Path) -> Result<()> {
    Ok(std::fs::write(folder.join("installed"), "")?)
}

/// Runs a command that installs something.
pub async fn install(command: &mut Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std().get_program());
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("{shown} can't be started"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed: {}", told.lines().last().unwrap_or_default());
    }
    Ok(())
}

/// Runs a program that prints figures as its last line.
pub async fn run(command: &mut Command, load: &Load) -> Result<Figures> {
    let command = command.arg(&load.address).arg(load.tasks.to_string()).arg(&load.payload);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures = printed.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    figures.with_context(|| {
        let told = String::from_utf8_lossy(&output.stderr);
        format!("it told no figures: {}", told.lines().last().unwrap_or_default())
    })
}
