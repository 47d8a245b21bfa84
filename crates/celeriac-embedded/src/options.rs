//! What can be chosen about the driver, and the defaults.

use std::time::Duration;

/// When a committed transaction counts as safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// When the disk says so: an acknowledged publish survives power loss.
    #[default]
    Full,
    /// When the operating system has it: an acknowledged publish survives the
    /// death of the process, but the latest ones may be lost with the machine.
    Normal,
}

/// What can be chosen about the driver.
///
/// ```
/// let options = celeriac_embedded::Options { queue_limit: 10, ..Default::default() };
/// assert_eq!(options.result_limit, 1_000_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many messages may wait in a queue before `publish` refuses more.
    /// What is in flight does not count. Default 1,000,000.
    pub queue_limit: usize,
    /// How many results [`Memory`](crate::Memory) keeps; the oldest goes first.
    /// A durable store keeps all until they expire. Default 1,000,000.
    pub result_limit: usize,
    /// How many quarantined messages [`Memory`](crate::Memory) keeps; above it
    /// the oldest is dropped with a warning. Default 100,000.
    pub quarantine_limit: usize,
    /// How long a mark (a state that is not the end) is kept if nothing
    /// follows it. Default 24 hours.
    pub mark_ttl: Duration,
    /// How many bytes of waiting messages [`Durable`](crate::Durable) keeps in
    /// memory as well; what is above it waits on disk. Default 64 MiB.
    pub window_bytes: usize,
    /// How large the database of [`Durable`](crate::Durable) may grow before
    /// `publish` and `schedule` answer `NoSpace`, as if the disk were full.
    /// Default: as large as the disk allows.
    pub max_bytes: Option<u64>,
    /// When a committed transaction counts as safe. Default [`SyncMode::Full`].
    pub sync: SyncMode,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_limit: 1_000_000,
            result_limit: 1_000_000,
            quarantine_limit: 100_000,
            mark_ttl: Duration::from_secs(24 * 60 * 60),
            window_bytes: 64 << 20,
            max_bytes: None,
            sync: SyncMode::Full,
        }
    }
}
