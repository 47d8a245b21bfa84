//! What a few canvases do, one by one, in fair weather.

use celeriac_core::workflow::{
    Canvas, End, Policy, Record, Shape, Signature, Status, StepId, Value,
};

use super::check;
use super::driver::{Driver, Weather};
use super::world::World;

const CALM: Weather = Weather { crash: 0, duplicate: 0, cancel: false };

fn run(canvas: &Canvas) -> Driver {
    let mut driver = Driver::new(1, canvas, CALM, None);
    driver.run();
    let wrong = check::violations(&driver, canvas);
    assert!(wrong.is_empty(), "{wrong:?}");
    driver
}

fn record(driver: &Driver) -> &Record {
    &driver.world.records[&driver.root]
}

fn result(canvas: &Canvas) -> String {
    match run(canvas).world.records.into_values().next().unwrap().end {
        Some(End::Success(Some(Value::Inline(_, json)))) => String::from_utf8(json.into()).unwrap(),
        other => format!("{other:?}"),
    }
}

fn task(name: &str) -> Canvas {
    Signature::new(name).into()
}

fn status(world: &World, driver: &Driver, step: u32) -> Status {
    world.statuses[&(driver.root, StepId(step))].1
}

#[test]
fn empty_ones_end_at_once() {
    assert_eq!(result(&Canvas::group(vec![])), "[]");
    assert_eq!(result(&Canvas::chain(vec![])), "Some(Success(None))");
    let fork = Shape::Fork { branches: vec![], policy: Policy::WaitAll };
    assert_eq!(result(&fork.into()), "{}");
    assert_eq!(
        result(&Canvas::group(vec![Canvas::group(vec![]), Canvas::chain(vec![])])),
        "[[],null]"
    );
    let long = Canvas::chain(vec![Canvas::chain(vec![]); 500]);
    assert_eq!(result(&Canvas::chain(vec![task("null"), long])), "null");
}

#[test]
fn a_failure_skips_what_follows_and_says_where_it_was() {
    let group = Canvas::group(vec![task("null"), Canvas::chain(vec![task("fail"), task("mix")])]);
    let canvas = Canvas::chain(vec![task("null"), group, task("mix")]);
    let driver = run(&canvas);
    let Some(End::Failure(error)) = &record(&driver).end else { panic!("it fails") };
    assert_eq!(error.place(), "chain[1]/group[1]/chain[0]");
    assert_eq!(error.task.as_str(), "fail");
    // chain, null, group, null, chain, fail, mix, mix.
    let statuses = Vec::from_iter((0..8).map(|step| status(&driver.world, &driver, step)));
    use Status::{Failure, Skipped, Success};
    let expected = [Failure, Success, Failure, Success, Failure, Failure, Skipped, Skipped];
    assert_eq!(statuses, expected);
}

#[test]
fn a_group_that_fails_fast_cancels_the_rest() {
    let waiting = Canvas::chain(vec![task("null"); 50]);
    let members = vec![waiting, task("fail")];
    let canvas = Shape::Group { members, policy: Policy::FailFast }.into();
    let driver = run(&canvas);
    assert_eq!(record(&driver).status(), Status::Failure);
    let last = status(&driver.world, &driver, 51);
    assert_eq!(last, Status::Cancelled);
}

#[test]
fn wide_groups_and_long_chains_are_worked_through() {
    let wide = Canvas::group(vec![task("null"); 5000]);
    assert_eq!(record(&run(&wide)).status(), Status::Success);
    let long = Canvas::chain(vec![task("null"); 2000]);
    assert_eq!(record(&run(&long)).status(), Status::Success);
}
