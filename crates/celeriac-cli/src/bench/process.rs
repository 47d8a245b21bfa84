//! What this process has used so far, as the kernel counts it. Linux only;
//! elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// Linux tells CPU time in these, on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// The CPU time of all threads so far, user and system.
pub(super) fn cpu_time() -> Option<Duration> {
    parse_cpu_time(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// The most memory that was ever resident, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    parse_kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The memory that is resident now, in bytes.
pub(super) fn memory() -> Option<u64> {
    parse_kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The fields 14 and 15; the second field, a name in parentheses, may hold spaces.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

fn parse_kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "42 (a (b) c) R 1 1 1 0 -1 4194304 90 0 0 0 150 25 0 0 20 0 2 0";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(1750)));
        assert_eq!(parse_cpu_time(""), None);
    }

    #[test]
    fn memory_is_told_in_kilobytes() {
        assert_eq!(parse_kilobytes("Name:\tx\nVmHWM:\t  2048 kB\n", "VmHWM:"), Some(2 << 20));
        assert_eq!(parse_kilobytes("Name:\tx\n", "VmHWM:"), None);
    }
}
