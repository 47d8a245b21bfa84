//! The breaker, as a table of what is told and what follows.

use proptest::prelude::*;

use super::*;

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn tripped(breaker: &mut Breaker, now: Timestamp) -> (Timestamp, Loudness) {
    for _ in 0..10 {
        if let Some(Change::Tripped { until, loudness }) = breaker.failed(now) {
            return (until, loudness);
        }
    }
    panic!("it never tripped");
}

#[test]
fn failures_in_a_row_trip_it_and_successes_between_them_do_not() {
    let mut breaker = Breaker::new(Options::default());
    for _ in 0..10 {
        assert_eq!(breaker.failed(at(0)), None);
        assert_eq!(breaker.failed(at(0)), None);
        assert_eq!(breaker.succeeded(at(0)), None);
    }
    let (until, loudness) = tripped(&mut breaker, at(1));
    assert_eq!((until, loudness), (at(31), Loudness::Warning));
    assert_eq!(breaker.circuit(), Circuit::Open { until });
}

#[test]
fn one_probe_passes_and_decides() {
    let mut breaker = Breaker::new(Options::default());
    let (until, _) = tripped(&mut breaker, at(0));
    assert_eq!(breaker.ask(at(29)), Permit::Refuse { until });
    assert_eq!(breaker.ask(until), Permit::Probe);
    assert_eq!(breaker.ask(until), Permit::Refuse { until: at(60) });
    assert_eq!(breaker.circuit(), Circuit::HalfOpen);
    let again = breaker.failed(at(31));
    assert!(matches!(again, Some(Change::Tripped { until, .. }) if until == at(61)));
    assert_eq!(breaker.ask(at(61)), Permit::Probe);
    assert_eq!(breaker.succeeded(at(62)), Some(Change::Recovered));
    assert_eq!(breaker.ask(at(62)), Permit::Pass);
}

#[test]
fn a_probe_that_is_never_heard_of_does_not_keep_it_open_for_ever() {
    let mut breaker = Breaker::new(Options::default());
    let (until, _) = tripped(&mut breaker, at(0));
    assert_eq!(breaker.ask(until), Permit::Probe);
    assert_eq!(breaker.ask(at(60)), Permit::Probe);
}

#[test]
fn what_ends_after_the_trip_and_began_before_it_changes_nothing() {
    let mut breaker = Breaker::new(Options::default());
    let (until, _) = tripped(&mut breaker, at(0));
    assert_eq!(breaker.succeeded(at(1)), None);
    assert_eq!(breaker.failed(at(1)), None);
    assert_eq!(breaker.circuit(), Circuit::Open { until });
}

#[test]
fn the_time_it_stays_open_grows_as_chosen_and_has_an_end() {
    for (growth, expected) in [
        (Growth::Constant, [30, 30, 30, 30]),
        (Growth::Linear, [30, 60, 90, 100]),
        (Growth::Exponential, [30, 60, 100, 100]),
    ] {
        let open_for_at_most = Duration::from_secs(100);
        let mut breaker = Breaker::new(Options { growth, open_for_at_most, ..Options::default() });
        let mut now = at(0);
        for seconds in expected {
            let (until, _) = tripped(&mut breaker, now);
            assert_eq!(until, now.after(Duration::from_secs(seconds)), "{growth:?}");
            now = until;
            assert_eq!(breaker.ask(now), Permit::Probe);
        }
        breaker.succeeded(now);
        let (until, _) = tripped(&mut breaker, now);
        assert_eq!(until, now.after(Duration::from_secs(30)), "from the start after a recovery");
    }
}

#[test]
fn checks_trip_it_by_rules() {
    let options = || Options { failures: u32::MAX, ..Options::default() };
    let mut breaker = Breaker::new(options());
    assert_eq!(breaker.observed(at(0), HealthStatus::Unhealthy), None);
    assert_eq!(breaker.observed(at(11), HealthStatus::Unhealthy), None, "too far apart");
    assert!(breaker.observed(at(12), HealthStatus::Insecure).is_some(), "worse counts too");

    let mut breaker = Breaker::new(options());
    for second in 0..9 {
        assert_eq!(breaker.observed(at(second), HealthStatus::Degraded), None);
    }
    assert!(breaker.observed(at(9), HealthStatus::Degraded).is_some());
    assert_eq!(breaker.observed(at(20), HealthStatus::Healthy), None, "its time is not over");
    assert_eq!(breaker.observed(at(39), HealthStatus::Healthy), Some(Change::Recovered));
}

#[test]
fn many_trips_are_told_as_errors_until_it_is_calm() {
    let mut breaker = Breaker::new(Options { failures: 1, ..Options::default() });
    let mut told = Vec::new();
    for minute in [0, 1, 2, 12, 31, 33] {
        told.push(tripped(&mut breaker, at(60 * minute)).1);
        breaker.succeeded(at(60 * minute + 31));
    }
    use Loudness::{Error, Warning};
    assert_eq!(told, [Warning, Warning, Error, Error, Error, Warning]);
}

#[test]
fn a_probe_that_says_nothing_gives_its_place_to_another() {
    let mut breaker = Breaker::new(Options::default());
    let (until, _) = tripped(&mut breaker, at(0));
    breaker.abandoned(at(1));
    assert_eq!(breaker.circuit(), Circuit::Open { until }, "there was no probe");
    assert_eq!(breaker.ask(until), Permit::Probe);
    breaker.abandoned(at(31));
    assert_eq!(breaker.ask(at(31)), Permit::Probe);
}

#[test]
fn people_are_told_how_it_stands() {
    let mut breaker = Breaker::new(Options::default());
    let told = |breaker: &Breaker| {
        let report = breaker.report(Guarded::Task, "t");
        (report.circuit, report.until, report.since, report.trips, report.why)
    };
    assert_eq!(told(&breaker), (CircuitState::Closed, None, None, 0, None));
    let (until, _) = tripped(&mut breaker, at(1));
    breaker.blame("no");
    let why = Some("no".to_owned());
    assert_eq!(told(&breaker), (CircuitState::Open, Some(until), Some(at(1)), 1, why.clone()));
    breaker.ask(until);
    breaker.succeeded(at(40));
    assert_eq!(told(&breaker), (CircuitState::Closed, None, Some(at(40)), 1, why));
}

proptest! {
    /// Whatever is told, in whatever order: it never passes anything while it
    /// is open, and is never open for longer than allowed.
    #[test]
    fn it_is_never_stuck(told in proptest::collection::vec((0u8..4, 0u64..50_000), 1..200)) {
        let mut breaker = Breaker::new(Options { growth: Growth::Exponential, ..Options::default() });
        let mut now = at(0);
        for (what, millis) in told {
            now = now.after(Duration::from_millis(millis));
            match what {
                0 => { breaker.succeeded(now); }
                1 => { breaker.failed(now); }
                2 => { breaker.observed(now, HealthStatus::Unhealthy); }
                _ => {
                    let permit = breaker.ask(now);
                    if let Permit::Refuse { until } = permit {
                        prop_assert!(until > now);
                        prop_assert!(until.since(now) <= Duration::from_secs(600));
                    }
                }
            }
        }
        let later = now.after(Duration::from_secs(600));
        prop_assert_ne!(breaker.ask(later), Permit::Refuse { until: later });
        breaker.succeeded(later);
        prop_assert_eq!(breaker.circuit(), Circuit::Closed);
    }
}
