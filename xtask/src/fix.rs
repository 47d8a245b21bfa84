//! `fix`: the one command that rewrites files.

use anyhow::Result;

use crate::shell;

/// Formats, and lets clippy mend what it can.
pub(crate) fn run() -> Result<()> {
    shell::cargo(&[
        "clippy",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
        "--workspace",
        "--all-targets",
        "--all-features",
    ])?;
    shell::cargo(&["fmt", "--all"])
}
