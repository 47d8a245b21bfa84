//! How much memory this process uses.

use std::fs;

use anyhow::{Context, Result};

/// Resident bytes now.
pub fn resident() -> Result<f64> {
    field("VmRSS:")
}

/// The most resident bytes so far.
pub fn peak() -> Result<f64> {
    field("VmHWM:")
}

fn field(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("no /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
    let kilobytes: f64 = kilobytes.with_context(|| format!("no {name}"))?.parse()?;
    Ok(kilobytes * 1024.0)
}
