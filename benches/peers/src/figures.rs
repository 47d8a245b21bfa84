//! What is found of one system.

use serde::{Deserialize, Serialize};

/// What was measured; nothing where a system has no such thing, or it was not
/// looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Tasks a second that one caller sends one by one.
    pub one_by_one_per_s: Option<f64>,
    /// Tasks a second that 64 callers send one by one.
    pub callers_per_s: Option<f64>,
    /// Tasks a second that are sent in batches.
    pub bulk_per_s: Option<f64>,
    /// Tasks a second that a worker works off.
    pub drained_per_s: Option<f64>,
    /// CPU time of the worker for 10,000 of those.
    pub cpu_s_per_10k: Option<f64>,
    /// The same of the server.
    pub server_cpu_s_per_10k: Option<f64>,
    /// From sending until the task starts, nothing else going on.
    pub latency_p50_us: Option<f64>,
    pub latency_p99_us: Option<f64>,
    /// From sending until the result is there.
    pub chord_1000_ms: Option<f64>,
    pub chain_200_ms: Option<f64>,
}

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub server: &'static str,
    /// What it does for each task.
    pub promise: &'static str,
    pub figures: Figures,
    /// Why there are no figures, or where they are from.
    pub note: Option<String>,
}
