//! The restart region, which runs beside the lifecycle.

use std::fmt;

use serde::Serialize;

/// Whether the actor is being restarted, or ever was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartRegion {
    /// Never restarted.
    #[default]
    Ignore,
    /// A restart is under way; the old incarnation is wound down.
    Stopping,
    /// A restart is under way; the new incarnation starts.
    Starting,
    /// Restarted at least once.
    Restarted,
}

impl fmt::Display for RestartRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RestartRegion::Ignore => "ignore",
            RestartRegion::Stopping => "restarting.stopping",
            RestartRegion::Starting => "restarting.starting",
            RestartRegion::Restarted => "restarted",
        })
    }
}
