//! The transitions of the lifecycle chart, as data, and the lookup made from
//! them at compile time. Nothing here changes an actor.

use super::{State, Trigger};

/// One row of the chart: from any of `from`, `on` leads to `to`.
pub(crate) struct Row {
    pub(crate) on: Trigger,
    pub(crate) from: &'static [State],
    pub(crate) to: State,
}

const fn row(on: Trigger, from: &'static [State], to: State) -> Row {
    Row { on, from, to }
}

/// The chart. `stop` is also allowed before the start is complete: it gives the
/// start up, and what was acquired so far is released.
pub(crate) const ROWS: &[Row] = {
    use State::*;
    &[
        row(Trigger::Initialize, &[Initializing], Initialized),
        row(Trigger::Start, &[Initializing, Initialized, Stopped, Crashed], Starting),
        row(Trigger::DependenciesStart, &[Starting], DependenciesStarted),
        row(Trigger::ResourcesAcquire, &[DependenciesStarted], ResourcesAcquired),
        row(Trigger::TasksStart, &[ResourcesAcquired], TasksStarted),
        row(Trigger::Run, &[TasksStarted], Healthy),
        row(Trigger::Pause, &[Healthy, Degraded, Unhealthy], Paused),
        row(Trigger::Resume, &[Paused], Healthy),
        row(
            Trigger::Stop,
            &[
                Initializing,
                Initialized,
                Starting,
                DependenciesStarted,
                ResourcesAcquired,
                TasksStarted,
                Healthy,
                Degraded,
                Unhealthy,
                Paused,
                Crashed,
            ],
            Stopping,
        ),
        row(Trigger::TasksStop, &[Stopping], TasksStopped),
        row(Trigger::ResourcesRelease, &[TasksStopped], ResourcesReleased),
        row(Trigger::DependenciesStop, &[ResourcesReleased], DependenciesStopped),
        row(Trigger::Finish, &[DependenciesStopped], Stopped),
        row(Trigger::ReportWarning, &[Healthy, Unhealthy], Degraded),
        row(Trigger::ReportProblem, &[Healthy, Degraded], Unhealthy),
        row(Trigger::Recover, &[Degraded, Unhealthy], Healthy),
        row(Trigger::ReportError, &State::ALL, Crashed),
        row(Trigger::Restart, &[Healthy, Degraded, Unhealthy, Paused], Stopping),
        row(Trigger::Restart, &[Crashed], Starting),
    ]
};

type Matrix = [[Option<State>; State::ALL.len()]; Trigger::ALL.len()];

static MATRIX: Matrix = matrix();

const fn matrix() -> Matrix {
    let mut matrix: Matrix = [[None; State::ALL.len()]; Trigger::ALL.len()];
    let mut index = 0;
    while index < ROWS.len() {
        let row = &ROWS[index];
        let mut from = 0;
        while from < row.from.len() {
            let cell = &mut matrix[row.on as usize][row.from[from] as usize];
            assert!(cell.is_none(), "two transitions for one trigger and state");
            *cell = Some(row.to);
            from += 1;
        }
        index += 1;
    }
    matrix
}

/// The target of a transition, if the chart has it.
pub(crate) fn lookup(state: State, trigger: Trigger) -> Option<State> {
    MATRIX[trigger as usize][state as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(trigger: Trigger) -> String {
        let arrows: Vec<String> = State::ALL
            .iter()
            .filter_map(|&state| lookup(state, trigger).map(|to| format!("{state} > {to}")))
            .collect();
        arrows.join("; ")
    }

    #[test]
    fn discriminants_are_the_positions() {
        for (index, state) in State::ALL.iter().enumerate() {
            assert_eq!(*state as usize, index);
            assert_eq!(State::from_byte(*state as u8), *state);
        }
        for (index, trigger) in Trigger::ALL.iter().enumerate() {
            assert_eq!(*trigger as usize, index);
        }
    }

    #[test]
    fn health_moves_only_inside_running() {
        let health = "started.running";
        assert_eq!(
            drawn(Trigger::ReportWarning),
            format!("{health}.healthy > {health}.degraded; {health}.unhealthy > {health}.degraded")
        );
        assert_eq!(
            drawn(Trigger::ReportProblem),
            format!(
                "{health}.healthy > {health}.unhealthy; {health}.degraded > {health}.unhealthy"
            )
        );
        assert_eq!(
            drawn(Trigger::Recover),
            format!("{health}.degraded > {health}.healthy; {health}.unhealthy > {health}.healthy")
        );
        assert_eq!(drawn(Trigger::Resume), "started.paused > started.running.healthy");
    }

    #[test]
    fn start_and_stop_pass_their_steps_in_order() {
        let steps = [
            Trigger::Start,
            Trigger::DependenciesStart,
            Trigger::ResourcesAcquire,
            Trigger::TasksStart,
            Trigger::Run,
            Trigger::Stop,
            Trigger::TasksStop,
            Trigger::ResourcesRelease,
            Trigger::DependenciesStop,
            Trigger::Finish,
        ];
        let mut state = State::Initialized;
        let mut passed = Vec::new();
        for step in steps {
            state = lookup(state, step).unwrap();
            passed.push(state.path());
        }
        assert_eq!(
            passed,
            [
                "starting",
                "starting.dependencies_started",
                "starting.resources_acquired",
                "starting.tasks_started",
                "started.running.healthy",
                "stopping",
                "stopping.tasks_stopped",
                "stopping.resources_released",
                "stopping.dependencies_stopped",
                "stopped",
            ]
        );
    }

    #[test]
    fn every_state_can_crash_and_every_state_is_reached() {
        for state in State::ALL {
            assert_eq!(lookup(state, Trigger::ReportError), Some(State::Crashed));
            let reached = ROWS.iter().any(|row| row.to == state);
            assert!(reached || state == State::Initializing, "{state} is unreachable");
        }
    }

    #[test]
    fn restart_is_refused_outside_of_its_states() {
        assert_eq!(lookup(State::Crashed, Trigger::Restart), Some(State::Starting));
        assert_eq!(lookup(State::Paused, Trigger::Restart), Some(State::Stopping));
        for state in State::ALL.iter().filter(|state| state.is_starting() || state.is_stopping()) {
            let refused = crate::lifecycle::next(*state, Trigger::Restart).unwrap_err();
            assert_eq!(refused.to_string(), format!("restart while {state}"));
        }
    }
}
