//! What the lifecycle declares, as far as paths without a chart of the actor's own
//! are checked here. The chart itself is in jumpstarter; a test compares.

use syn::Ident;

/// The states that a chart of an actor's own can refine.
const LEAVES: [&str; 14] = [
    "initializing",
    "initialized",
    "starting.dependencies_started",
    "starting.resources_acquired",
    "starting.tasks_started",
    "started.running.healthy",
    "started.running.degraded",
    "started.running.unhealthy",
    "started.paused",
    "stopping.tasks_stopped",
    "stopping.resources_released",
    "stopping.dependencies_stopped",
    "stopped",
    "crashed",
];

const TRIGGERS: [&str; 18] = [
    "initialize",
    "start",
    "dependencies_start",
    "resources_acquire",
    "tasks_start",
    "run",
    "pause",
    "resume",
    "stop",
    "tasks_stop",
    "resources_release",
    "dependencies_stop",
    "finish",
    "report_warning",
    "report_problem",
    "recover",
    "report_error",
    "restart",
];

/// What helps where a chart was forgotten.
const NAME_THE_CHART: &str = "name the actor's own chart: `#[actor(chart = C)]`";

/// Refuses the path of a state inside of a leaf of the lifecycle. One that is
/// misspelt otherwise is left to the compiler, which knows what it resembles.
pub(crate) fn check_state(path: &[Ident]) -> syn::Result<()> {
    let names: Vec<String> = path.iter().map(ToString::to_string).collect();
    for length in 1..names.len() {
        let (leaf, inside) = (names[..length].join("."), &names[length]);
        if LEAVES.contains(&leaf.as_str()) {
            let message = format!("the lifecycle has no `{inside}` in `{leaf}`; {NAME_THE_CHART}");
            return Err(syn::Error::new(path[length].span(), message));
        }
    }
    Ok(())
}

/// Refuses a trigger that the lifecycle does not have.
pub(crate) fn check_trigger(path: &[Ident]) -> syn::Result<()> {
    let [trigger] = path else { return Ok(()) };
    if TRIGGERS.iter().any(|known| trigger == known) {
        return Ok(());
    }
    let known = TRIGGERS.join("`, `");
    let message = format!(
        "the lifecycle has no trigger `{trigger}`; if it is one of the actor's own, \
         {NAME_THE_CHART}. Those of the lifecycle are `{known}`"
    );
    Err(syn::Error::new(trigger.span(), message))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proc_macro2::Span;

    use super::*;

    /// Every trigger and leaf of the chart in jumpstarter is known here, and no
    /// other; read from its source, line by line.
    #[test]
    fn it_is_what_jumpstarter_declares() {
        let source = include_str!("../../jumpstarter/src/life.rs");
        let chart = source.split("/// Whether the actor is being restarted").next().unwrap_or("");
        let declared = chart.lines().filter_map(|line| line.trim().strip_prefix("on "));
        let declared: BTreeSet<&str> = declared.filter_map(|line| line.split(':').next()).collect();
        assert_eq!(declared, TRIGGERS.into_iter().collect());
        let is_declared = |name: &str| {
            let mut lines = chart.lines().map(|line| line.trim().trim_start_matches(">> "));
            lines.any(|line| {
                let state = line.trim_start_matches("initial ");
                state.trim_end_matches([';', ',', '{', ' ']) == name
            })
        };
        let names = LEAVES.iter().flat_map(|leaf| leaf.split('.'));
        assert_eq!(names.filter(|name| !is_declared(name)).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn what_is_inside_of_a_leaf_needs_a_chart() {
        let ident = |name: &str| Ident::new(name, Span::call_site());
        let check = |path: &str| check_state(&path.split('.').map(ident).collect::<Vec<_>>());
        assert!(check("started.running.healthy").is_ok());
        assert!(check("started.runing").is_ok());
        let error = check("started.paused.short").map_err(|error| error.to_string());
        let text = "the lifecycle has no `short` in `started.paused`; name the actor's own chart";
        assert!(error.is_err_and(|error| error.starts_with(text)));
        assert!(check_trigger(&[ident("swap")]).is_err());
        assert!(check_trigger(&[ident("pause")]).is_ok());
    }
}
