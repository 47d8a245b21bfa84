//! What a courier tells of its broker.

use std::sync::atomic::Ordering;

use celeriac_core::health::{CheckReport, Finding, Guarded, Scope};
use celeriac_core::{HealthStatus, Timestamp};
use celeriac_engine::breaker::Circuit;
use serde::Serialize;

use super::Desk;

/// How a broker is, and what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The broker's name.
    pub broker: String,
    /// Whether messages go to it directly: it is up, and nothing waits.
    pub is_up: bool,
    /// Its circuit: `closed`, `open` or `half_open`.
    pub circuit: &'static str,
    /// How well it is.
    pub health: HealthStatus,
    /// How many messages wait for it in memory.
    pub in_memory: u64,
    /// About how many messages wait for it on disk.
    pub on_disk: u64,
    /// Since when they wait.
    pub since: Option<Timestamp>,
    /// Whether what should be kept on disk waits in memory, since the disk fails.
    pub disk_fails: bool,
}

impl Report {
    fn note(&self) -> String {
        if self.is_up {
            return "it is up, and nothing waits for it".to_owned();
        }
        let Self { in_memory, on_disk, .. } = self;
        let since = self.since.map(|since| format!(" since {since}")).unwrap_or_default();
        format!("messages wait{since}: {in_memory} in memory, {on_disk} on disk")
    }
}

impl Desk {
    /// Shows on the board how the broker is, and what waits for it.
    pub(super) fn show(&self) {
        let Some(board) = self.board.get() else { return };
        let (report, name) = (self.report(), format!("broker.{}", self.name));
        let circuit = self.state.lock().breaker.report(Guarded::Connection, name.as_str());
        board.show_circuit(circuit);
        board.show_check(CheckReport {
            name,
            scope: Scope::Local,
            finding: Some(Finding::new(report.health, report.note())),
            at: Some(Timestamp::now()),
            expires_at: None,
            since: report.since,
            broken: None,
        });
    }

    pub(super) fn report(&self) -> Report {
        let is_up = self.is_clear();
        let state = self.state.lock();
        let circuit = state.breaker.circuit();
        let held: usize = state.line.iter().map(|held| held.batch.len()).sum();
        // Senders wait with a ticket: in the line, or to come there.
        let tickets = if self.disk.is_some() { 0 } else { self.tickets.load(Ordering::Acquire) };
        let waiting = held.max(tickets);
        Report {
            broker: self.name.clone(),
            is_up,
            circuit: match circuit {
                Circuit::Closed => "closed",
                Circuit::Open { .. } => "open",
                Circuit::HalfOpen => "half_open",
            },
            health: match circuit {
                Circuit::Closed if is_up => HealthStatus::Healthy,
                Circuit::Closed => HealthStatus::Degraded,
                Circuit::Open { .. } | Circuit::HalfOpen => HealthStatus::Unhealthy,
            },
            in_memory: if is_up { 0 } else { waiting as u64 },
            on_disk: state.on_disk,
            since: state.since,
            disk_fails: state.disk_failed,
        }
    }
}
