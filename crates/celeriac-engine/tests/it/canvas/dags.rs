//! Steps that need each other: random ones against the interpreter, and those
//! that fail fast, of which only one error is known.

use celeriac_core::workflow::{Canvas, End, Policy, Shape, Signature, Stage, Status};

use celeriac_testkit::canvas::Palette;
use celeriac_testkit::dice::Dice;

use super::check;
use super::driver::{Driver, Weather};

const STORM: Weather = Weather { crash: 5, duplicate: 10, cancel: false };
const CALM: Weather = Weather { crash: 0, duplicate: 0, cancel: false };

fn random(seed: u64, policy: Policy) -> Canvas {
    let mut dice = Dice::new(seed);
    let task = &mut |own: Palette, dice: &mut Dice| own.canvas(dice, 1);
    Palette::ALL.dag_of(&mut dice, policy, task).into()
}

#[test]
fn random_dags_mean_what_the_interpreter_says() {
    let (mut several, mut failed) = (0, 0);
    for seed in 0..2000 {
        let policy = if seed % 4 == 0 { Policy::Settle } else { Policy::WaitAll };
        let canvas = random(seed, policy);
        let weather = if seed % 2 == 0 { CALM } else { STORM };
        let mut driver = Driver::new(seed, &canvas, weather, None);
        driver.run();
        let wrong = check::violations(&driver, &canvas);
        assert!(wrong.is_empty(), "seed {seed}:\n{:.3000}\n{canvas:#?}", wrong.join("\n"));
        several += u32::from(matches!(&canvas.shape, Shape::Dag { stages, .. }
            if stages.iter().filter(|stage| stage.needs.len() > 1).count() > 1));
        failed += u32::from(driver.world.records[&driver.root].status() == Status::Failure);
    }
    assert!(several > 400 && failed > 100, "{several} with several joins, {failed} failed");
}

#[test]
fn one_that_fails_fast_ends_with_an_error_of_its_own() {
    for seed in 5000..6000 {
        let canvas = random(seed, Policy::FailFast);
        let mut driver = Driver::new(seed, &canvas, STORM, None);
        driver.run();
        let mut wrong = driver.world.violations.clone();
        check::always(&driver.world, &mut wrong);
        let waiting = Driver::new(seed, &random(seed, Policy::WaitAll), CALM, None);
        let mut waiting = waiting;
        waiting.run();
        let fails =
            |driver: &Driver| driver.world.records[&driver.root].status() == Status::Failure;
        if fails(&driver) != fails(&waiting) {
            wrong.push("it fails if, and only if, one that waits for all does".to_owned());
        }
        assert!(wrong.is_empty(), "seed {seed}:\n{:.2000}\n{canvas:#?}", wrong.join("\n"));
    }
}

fn stage(name: &str, needs: &[&str], task: &str) -> Stage {
    let needs = needs.iter().map(|need| (*need).to_owned()).collect();
    Stage { name: name.to_owned(), needs, settle: false, canvas: Signature::new(task).into() }
}

/// `d` needs `a` and `b`, `c` only `a`: no way of chains and groups says that.
fn crossing(b: &str) -> Canvas {
    let stages = vec![
        stage("a", &[], "null"),
        stage("b", &[], b),
        stage("c", &["a"], "mix"),
        stage("d", &["a", "b"], "mix"),
    ];
    Shape::Dag { stages, policy: Policy::WaitAll }.into()
}

#[test]
fn what_is_not_series_parallel_runs() {
    let canvas = crossing("null");
    let mut driver = Driver::new(1, &canvas, CALM, None);
    driver.run();
    assert!(check::violations(&driver, &canvas).is_empty());
    assert_eq!(driver.world.records[&driver.root].status(), Status::Success);
}

#[test]
fn a_failure_skips_those_that_need_it_and_no_others() {
    let canvas = crossing("fail");
    let mut driver = Driver::new(1, &canvas, CALM, None);
    driver.run();
    let Some(End::Failure(error)) = &driver.world.records[&driver.root].end else {
        panic!("it fails")
    };
    assert_eq!(error.place(), "dag[b]");
    let ran = Vec::from_iter(driver.world.runs.values().map(String::as_str));
    assert!(ran.iter().any(|run| run.starts_with("mix")), "c runs: {ran:?}");
    assert_eq!(ran.len(), 3, "d does not: {ran:?}");
}
