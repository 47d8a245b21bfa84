//! The board: what the parts of a process know of their health, for all to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CheckReport, CircuitReport, Guarded};

/// What the parts of a process know of their health. Cheap to clone; all clones
/// are the same board. Each part writes what is its own, under its name.
///
/// ```
/// use celeriac_core::health::{Board, CircuitReport, CircuitState, Guarded};
/// let board = Board::default();
/// board.show_circuit(CircuitReport {
///     guards: Guarded::Connection,
///     name: "redis://host".to_owned(),
///     circuit: CircuitState::Closed,
///     until: None,
///     since: None,
///     trips: 0,
///     why: None,
/// });
/// assert_eq!(board.circuits().len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Reports>>);

#[derive(Debug, Default)]
struct Reports {
    circuits: BTreeMap<(Guarded, String), CircuitReport>,
    checks: BTreeMap<String, CheckReport>,
}

impl Board {
    /// Shows how a circuit stands now, in place of what was shown of it before.
    pub fn show_circuit(&self, report: CircuitReport) {
        self.reports().circuits.insert((report.guards, report.name.clone()), report);
    }

    /// Takes a circuit off: what it guarded is gone.
    pub fn remove_circuit(&self, guards: Guarded, name: &str) {
        self.reports().circuits.remove(&(guards, name.to_owned()));
    }

    /// Every circuit, by what it guards and by name.
    #[must_use]
    pub fn circuits(&self) -> Vec<CircuitReport> {
        self.reports().circuits.values().cloned().collect()
    }

    /// Shows what a check found, in place of what was shown of it before.
    pub fn show_check(&self, report: CheckReport) {
        self.reports().checks.insert(report.name.clone(), report);
    }

    /// What is known of a check.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<CheckReport> {
        self.reports().checks.get(name).cloned()
    }

    /// Every check, by name.
    #[must_use]
    pub fn checks(&self) -> Vec<CheckReport> {
        self.reports().checks.values().cloned().collect()
    }

    /// Each report is whole, whoever died beside it.
    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::CircuitState;

    #[test]
    fn what_is_shown_later_takes_the_place_of_what_was_shown_before() {
        let board = Board::default();
        let circuit = |circuit| CircuitReport {
            guards: Guarded::Task,
            name: "t".to_owned(),
            circuit,
            until: None,
            since: None,
            trips: 1,
            why: None,
        };
        board.show_circuit(circuit(CircuitState::Open));
        board.clone().show_circuit(circuit(CircuitState::Closed));
        assert_eq!(board.circuits(), [circuit(CircuitState::Closed)]);
        board.remove_circuit(Guarded::Task, "t");
        assert_eq!(board.circuits(), []);
    }
}
