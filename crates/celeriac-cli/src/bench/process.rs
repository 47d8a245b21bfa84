//! What processes have used so far, as the kernel counts it. Linux only;
//! elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// Linux tells CPU time in these, on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: u32,
    /// Of all its threads, user and system.
    pub(super) cpu: Duration,
    /// Of its children that have ended.
    pub(super) cpu_of_ended: Duration,
}

/// The CPU time of all threads of this process so far.
pub(super) fn cpu_time() -> Option<Duration> {
    Some(parse_stat(&fs::read_to_string("/proc/self/stat").ok()?)?.cpu)
}

/// What the kernel says of the process of this id.
pub(super) fn stat(id: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// The most memory that was ever resident, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    parse_kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The memory that is resident now, in bytes.
pub(super) fn memory() -> Option<u64> {
    parse_kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The fields 4 and 14 to 17; the second field, a name in parentheses, may hold
/// spaces.
fn parse_stat(stat: &str) -> Option<Stat> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |first: usize| {
        let user: u64 = fields.get(first)?.parse().ok()?;
        let system: u64 = fields.get(first + 1)?.parse().ok()?;
        Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
    };
    let parent = fields.get(1)?.parse().ok()?;
    Some(Stat { parent, cpu: ticks(11)?, cpu_of_ended: ticks(13)? })
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
        let stat = "42 (a (b) c) R 7 1 1 0 -1 4194304 90 0 0 0 150 25 10 20 20 0 2 0";
        let (cpu, cpu_of_ended) = (Duration::from_millis(1750), Duration::from_millis(300));
        assert_eq!(parse_stat(stat), Some(Stat { parent: 7, cpu, cpu_of_ended }));
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn memory_is_told_in_kilobytes() {
        assert_eq!(parse_kilobytes("Name:\tx\nVmHWM:\t  2048 kB\n", "VmHWM:"), Some(2 << 20));
        assert_eq!(parse_kilobytes("Name:\tx\n", "VmHWM:"), None);
    }
}
