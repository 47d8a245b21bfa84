//! Random canvases under random weather, and bugs that must be found.

use celeriac_testkit::canvas::{KIND, Palette};

use super::check;
use super::driver::{Driver, Weather};
use super::world::Bug;

const CALM: Weather = Weather { crash: 0, duplicate: 0, cancel: false };
const STORM: Weather = Weather { crash: 5, duplicate: 10, cancel: false };

/// What is wrong with a seed's workflow, in that weather.
fn violations(seed: u64, weather: Weather, bug: Option<Bug>) -> Vec<String> {
    let canvas = Palette::ALL.deep(seed);
    let mut driver = Driver::new(seed, &canvas, weather, bug);
    driver.run();
    check::violations(&driver, &canvas)
}

fn assert_seeds(seeds: std::ops::Range<u64>, weather: Weather) {
    for seed in seeds {
        let wrong = violations(seed, weather, None);
        assert!(wrong.is_empty(), "seed {seed}:\n{:.2000}", wrong.join("\n"));
    }
}

#[test]
fn random_canvases_mean_what_the_interpreter_says() {
    assert_seeds(0..500, CALM);
}

#[test]
fn crashes_and_duplicates_change_nothing() {
    assert_seeds(1000..2500, STORM);
}

#[test]
fn what_is_cancelled_ends() {
    for seed in 3000..3300 {
        let canvas = Palette::ALL.deep(seed);
        let mut driver = Driver::new(seed, &canvas, Weather { cancel: true, ..STORM }, None);
        driver.run();
        let mut wrong = driver.world.violations.clone();
        check::always(&driver.world, &mut wrong);
        assert!(wrong.is_empty(), "seed {seed}:\n{:.2000}", wrong.join("\n"));
    }
}

#[test]
fn what_was_mended_is_retried_by_hand() {
    let mut retried = 0;
    for seed in 4000..4300 {
        let canvas = Palette::MENDABLE.deep(seed);
        let mut driver = Driver::new(seed, &canvas, STORM, None);
        driver.run();
        for _ in 0..200 {
            let record = &driver.world.records[&driver.root];
            match &record.end {
                Some(celeriac_core::workflow::End::Failure(error))
                    if error.failure.kind == KIND =>
                {
                    driver.mended = true;
                    driver.retry();
                    driver.run();
                    retried += 1;
                }
                _ => break,
            }
        }
        let wrong = check::violations(&driver, &canvas);
        assert!(wrong.is_empty(), "seed {seed}:\n{:.2000}", wrong.join("\n"));
    }
    assert!(retried > 50, "{retried}");
}

/// The first seed that shows the bug.
fn found(bug: Bug) -> Option<u64> {
    (0..1000).find(|seed| !violations(*seed, STORM, Some(bug)).is_empty())
}

#[test]
fn planted_bugs_are_found() {
    for bug in [Bug::Counter, Bug::EveryCloser, Bug::SettleFirst] {
        assert!(found(bug).is_some(), "{bug:?} is not found");
    }
}
