//! The promises, each a function of what is known at the end of a run.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jumpstarter::lifecycle::next;
use jumpstarter::{DeadLetterReason, Event, Exit, State, Trigger};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::plan::Fate;
use crate::script::{DEADLINE, Record};

/// A queue of handlers that sleep is worked off by then.
const PROMPTLY: Duration = Duration::from_secs(10);

/// In how many runs something happened.
#[derive(Debug, Default)]
pub(crate) struct Reached(BTreeMap<&'static str, u32>);

impl Reached {
    pub(crate) fn add(&mut self, record: &Record) {
        let counts = &record.counts;
        let event = |is_such: fn(&Event) -> bool| record.events.iter().any(is_such);
        let to = |state: State| {
            let is_such =
                |event: &Event| matches!(event, Event::StateChanged { to, .. } if *to == state);
            record.events.iter().any(is_such)
        };
        let happened = [
            ("crashes", event(|it| matches!(it, Event::Crashed { .. }))),
            ("restarts", event(|it| matches!(it, Event::Restarted { .. }))),
            ("giving up", event(|it| matches!(it, Event::GaveUp { .. }))),
            ("panics in spawned futures", event(|it| matches!(it, Event::TaskPanicked { .. }))),
            ("dead letters", record.system.dead_letters() > 0),
            ("group restarts", event(|it| matches!(it, Event::GroupRestarted { .. }))),
            ("hooks that fail", hooked_crashed(record)),
            ("transitions with hooks", counts.transitions > 8),
            ("pauses", to(State::Paused)),
            ("warnings", to(State::Degraded)),
            ("problems", to(State::Unhealthy)),
            ("kills", record.exits.iter().any(|one| matches!(one.exit, Some(Exit::Killed)))),
            ("children", record.exits.iter().any(|one| one.path.contains('/'))),
            ("full mailboxes", counts.full > 0),
            ("refused asks", counts.asks_closed > 0),
            ("messages left over", counts.dropped > counts.asks_closed),
            ("all accounted for exactly", counts.uncertain == 0 && counts.begun > 5),
            ("leases dropped", counts.abandoned > 0),
            ("orderly runs", is_orderly(record)),
            ("late shutdowns", !record.report.killed.is_empty()),
            ("runs without excuse", !record.world.plan.may_hang()),
            ("clean shutdowns", record.report.is_clean() && record.report.stopped.len() > 1),
        ];
        for (what, happened) in happened {
            *self.0.entry(what).or_default() += u32::from(happened);
        }
    }

    pub(crate) fn seldom(&self, least: u32) -> Vec<&'static str> {
        let seldom = self.0.iter().filter(|(_, runs)| **runs < least);
        seldom.map(|(what, _)| *what).collect()
    }
}

fn hooked_crashed(record: &Record) -> bool {
    let is_such =
        |event: &Event| matches!(event, Event::Crashed { path, .. } if path.starts_with("family/"));
    record.events.iter().any(is_such)
}

type Verdict = Result<(), TestCaseError>;

pub(crate) fn judge(record: &Record) -> Verdict {
    everything_has_ended(record)?;
    states_follow_the_chart(record)?;
    leases_are_given_back_once(record)?;
    messages_are_accounted_for(record)?;
    dependencies_start_first(record)?;
    dependents_stop_first(record)?;
    the_report_is_right(record)
}

fn everything_has_ended(record: &Record) -> Verdict {
    let left = &record.left;
    prop_assert!(left.is_empty(), "alive after the shutdown: {left:#?}");
    for one in &record.exits {
        prop_assert!(one.exit.is_some(), "never ended: {one:?}");
        prop_assert!(one.is_closed, "open after its end: {one:?}");
        let is_end = matches!(one.state, State::Stopped | State::Crashed);
        prop_assert!(is_end, "ended, but in another state: {one:?}");
    }
    prop_assert_eq!(record.counts.under_way, 0, "sends, asks or stops that hang");
    Ok(())
}

fn states_follow_the_chart(record: &Record) -> Verdict {
    let mut states: HashMap<&str, State> = HashMap::new();
    for event in &record.events {
        prop_assert!(!matches!(event, Event::Missed(_)), "too many events for this test");
        let Event::StateChanged { path, from, to } = event else { continue };
        let (from, to) = (from.state(), to.state());
        let before = states.insert(path, to);
        let is_fresh = from == State::Initializing;
        let is_next = before.map_or(is_fresh, |before| before == from);
        prop_assert!(is_next || is_fresh, "{path} was {before:?}, then left {from} for {to}");
        let is_arrow = Trigger::ALL.iter().any(|trigger| next(from, *trigger) == Ok(to));
        prop_assert!(is_arrow, "{path}: no arrow from {from} to {to}");
    }
    Ok(())
}

fn was_killed(record: &Record, path: &str) -> bool {
    let mut of_path = record.exits.iter().filter(|one| one.path == path);
    of_path.any(|one| matches!(one.exit, Some(Exit::Killed)))
}

fn leases_are_given_back_once(record: &Record) -> Verdict {
    let counts = &record.counts;
    prop_assert_eq!(counts.twice, 0, "released twice");
    prop_assert_eq!(counts.acquired, counts.released + counts.abandoned, "leaked: {:?}", counts);
    if is_orderly(record) {
        prop_assert_eq!(counts.abandoned, 0, "dropped without release: {:?}", counts);
    }
    Ok(())
}

/// Nobody was killed, and no start was cut short: every release method ran.
fn is_orderly(record: &Record) -> bool {
    let goes_well = |fate: &Fate| matches!(fate, Fate::Well | Fate::Error);
    let mut faults = record.world.plan.nodes.iter().flat_map(|node| {
        let starts = node.starts.iter().flat_map(|it| [it.lease, it.cache]);
        let ends = node.ends.iter().flat_map(|it| [it.goodbye, it.release]);
        starts.chain(ends)
    });
    let killed = record.exits.iter().any(|one| matches!(one.exit, Some(Exit::Killed)));
    !killed && faults.all(|fate| goes_well(&fate))
}

fn messages_are_accounted_for(record: &Record) -> Verdict {
    let counts = &record.counts;
    let letters = |wanted: DeadLetterReason| {
        let is_such =
            |event: &&Event| matches!(event, Event::DeadLetter { reason, .. } if *reason == wanted);
        record.events.iter().filter(is_such).count() as u64
    };
    let (closed, left_over) =
        (letters(DeadLetterReason::Closed), letters(DeadLetterReason::LeftOver));
    prop_assert_eq!(record.system.dead_letters(), closed + left_over);
    let ended = counts.begun + counts.closed + counts.full + counts.dropped;
    prop_assert_eq!(counts.made, ended, "a message is lost: {:?}", counts);
    // What was accepted but not worked on is in the dead letters.
    let least = left_over + counts.asks_closed;
    let dropped = counts.dropped;
    let most = least + counts.uncertain;
    prop_assert!(
        (least..=most).contains(&dropped),
        "{dropped} not in {least}..={most}: {counts:?}"
    );
    let refused = counts.closed + counts.asks_closed;
    let most = refused + counts.uncertain;
    prop_assert!((refused..=most).contains(&closed), "{closed} not in {refused}..={most}");
    let processed = record.exits.iter().map(|one| one.processed);
    prop_assert_eq!(processed.sum::<u64>(), counts.done, "processed");
    Ok(())
}

fn dependencies_start_first(record: &Record) -> Verdict {
    let first = |path: &str, goal: State| {
        record.events.iter().position(|event| {
            matches!(event, Event::StateChanged { path: of, to, .. } if of == path && *to == goal)
        })
    };
    for (dependent, needs) in record.world.needs() {
        let Some(goes_on) = first(&dependent, State::DependenciesStarted) else { continue };
        for dependency in needs {
            let started = first(&dependency, State::Healthy);
            let in_order = started.is_some_and(|started| started < goes_on);
            prop_assert!(in_order, "{dependent} went on before {dependency} was started");
        }
    }
    Ok(())
}

/// Of those that were up when the shutdown began. A dependency that somebody
/// else ends, or a parent of its own, or the deadline, stops when it must.
fn dependents_stop_first(record: &Record) -> Verdict {
    let ends_by_itself = |path: &str| {
        let asked = record.world.plan.script.iter().any(|step| {
            let named = record.world.named(step.target);
            step.what.is_end() && named.is_some_and(|address| path == address.path())
        });
        asked || path.contains('/') || was_killed(record, path)
    };
    let during = &record.events[record.before_shutdown..];
    let first_move = |path: &str, goal: fn(State) -> bool| {
        during.iter().position(|event| {
            matches!(event, Event::StateChanged { path: of, to, .. } if of == path && goal(to.state()))
        })
    };
    for dependent in record.alive_at_shutdown.iter().filter(|one| one.state.state().is_started()) {
        let Some(ended) = first_move(&dependent.path, |to| {
            matches!(to, State::ResourcesReleased | State::Stopped | State::Crashed)
        }) else {
            continue;
        };
        for dependency in dependent.dependencies.iter().filter(|path| !ends_by_itself(path)) {
            let begun = first_move(dependency, |to| to == State::Stopping);
            let in_order = begun.is_none_or(|begun| ended < begun);
            prop_assert!(in_order, "{dependency} began to stop before {}", dependent.path);
        }
    }
    Ok(())
}

fn the_report_is_right(record: &Record) -> Verdict {
    let report = &record.report;
    prop_assert!(report.abandoned.is_empty(), "nothing here blocks: {report:?}");
    prop_assert!(report.took <= DEADLINE + Duration::from_secs(1), "{report:?}");
    if !record.world.plan.may_hang() {
        prop_assert!(report.is_clean(), "nothing here hangs: {report:?}");
        prop_assert!(report.took < PROMPTLY, "nobody was woken: {report:?}");
    }
    let mut named: Vec<&String> = report.stopped.iter().chain(&report.killed).collect();
    named.sort();
    let count = named.len();
    named.dedup();
    prop_assert_eq!(named.len(), count, "named twice: {:?}", report);
    for alive in &record.alive_at_shutdown {
        let mut exits = record.exits.iter().filter(|one| one.path == alive.path);
        let last = exits.next_back().and_then(|one| one.exit.clone());
        let was_killed = matches!(last, Some(Exit::Killed));
        let is_named = named.contains(&&alive.path);
        prop_assert!(is_named || was_killed, "{} is missing in {:?}", alive.path, report);
        let is_stopped = report.stopped.contains(&alive.path);
        prop_assert!(!(is_stopped && was_killed), "{} was killed: {:?}", alive.path, report);
    }
    Ok(())
}
