//! A node's health as a whole: its checks, circuits and actors, and the worst of
//! what they say.

use celeriac_core::Timestamp;
use celeriac_core::health::{Board, CheckReport, CircuitReport, CircuitState, HealthStatus};
use jumpstarter::{ActorSnapshot, State, System};
use serde::Serialize;

/// A node's health.
#[derive(Debug, Serialize)]
pub(crate) struct Overall {
    /// The worst of all below.
    status: HealthStatus,
    checks: Vec<Checked>,
    circuits: Vec<CircuitReport>,
    /// Those that are not well.
    actors: Vec<Ailing>,
}

#[derive(Debug, Serialize)]
struct Checked {
    /// What its finding says; degraded when that is out of date.
    status: HealthStatus,
    is_out_of_date: bool,
    report: CheckReport,
}

#[derive(Debug, Serialize)]
struct Ailing {
    path: String,
    state: &'static str,
    status: HealthStatus,
    crash: Option<String>,
}

impl Overall {
    pub(crate) fn of(board: &Board, system: &System, now: Timestamp) -> Self {
        Self::judged(board, system.snapshot(), now)
    }

    fn judged(board: &Board, actors: Vec<ActorSnapshot>, now: Timestamp) -> Self {
        let checks: Vec<_> =
            board.checks().into_iter().map(|report| Checked::of(report, now)).collect();
        let circuits = board.circuits();
        let actors: Vec<_> = actors.into_iter().filter_map(Ailing::of).collect();
        let statuses = checks.iter().map(|check| check.status);
        let statuses = statuses.chain(circuits.iter().map(status_of));
        let statuses = statuses.chain(actors.iter().map(|actor| actor.status));
        Self { status: statuses.max().unwrap_or_default(), checks, circuits, actors }
    }
}

impl Checked {
    fn of(report: CheckReport, now: Timestamp) -> Self {
        let is_out_of_date = report.expires_at.is_some_and(|expires_at| expires_at <= now);
        let found = report.finding.as_ref().map_or(HealthStatus::Healthy, |it| it.status);
        let status = if is_out_of_date { found.max(HealthStatus::Degraded) } else { found };
        Self { status, is_out_of_date, report }
    }
}

/// What is not tried does not work.
const fn status_of(circuit: &CircuitReport) -> HealthStatus {
    match circuit.circuit {
        CircuitState::Closed => HealthStatus::Healthy,
        CircuitState::Open | CircuitState::HalfOpen => HealthStatus::Unhealthy,
    }
}

impl Ailing {
    fn of(actor: ActorSnapshot) -> Option<Self> {
        let state = actor.state.path();
        let is_unhealthy = actor.state == State::Unhealthy || actor.crash.is_some();
        let status = match (is_unhealthy, actor.state == State::Degraded) {
            (true, _) => HealthStatus::Unhealthy,
            (false, true) => HealthStatus::Degraded,
            (false, false) => return None,
        };
        Some(Self { path: actor.path, state, status, crash: actor.crash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::health::{Finding, Guarded, Scope};

    fn overall(board: &Board) -> HealthStatus {
        Overall::judged(board, Vec::new(), Timestamp::from_millis(1000)).status
    }

    fn check(finding: Finding, expires_at: u64) -> CheckReport {
        CheckReport {
            name: "c".to_owned(),
            scope: Scope::Local,
            finding: Some(finding),
            at: None,
            expires_at: Some(Timestamp::from_millis(expires_at)),
            since: None,
            broken: None,
        }
    }

    #[test]
    fn the_worst_counts() {
        let board = Board::default();
        assert_eq!(overall(&board), HealthStatus::Healthy);
        board.show_check(check(Finding::healthy(""), 2000));
        assert_eq!(overall(&board), HealthStatus::Healthy);
        board.show_check(check(Finding::healthy(""), 1000));
        assert_eq!(overall(&board), HealthStatus::Degraded, "it is out of date");
        board.show_check(check(Finding::unhealthy(""), 1000));
        assert_eq!(overall(&board), HealthStatus::Unhealthy);
    }

    #[test]
    fn what_is_not_tried_is_unhealthy() {
        let board = Board::default();
        for (circuit, expected) in [
            (CircuitState::Open, HealthStatus::Unhealthy),
            (CircuitState::HalfOpen, HealthStatus::Unhealthy),
            (CircuitState::Closed, HealthStatus::Healthy),
        ] {
            board.show_circuit(CircuitReport {
                guards: Guarded::Service,
                name: "bank".to_owned(),
                circuit,
                until: None,
                since: None,
                trips: 1,
                why: None,
            });
            assert_eq!(overall(&board), expected);
        }
    }
}
