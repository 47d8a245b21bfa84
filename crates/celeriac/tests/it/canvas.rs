//! Typed canvases: what they are as data.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use celeriac::canvas::workflow::{
    Canvas as Data, Each, Items, JsonPath, Policy, Shape, Signature as Task,
};
use celeriac::canvas::{
    CanvasError, Dynamic, Nothing, Settled, StepError, at, chain, chord, chunks, fork, group,
    input, map, repeat_until, star, starmap, sweep, switch,
};
use celeriac::{Canvas, HeaderValue, MessageId};
use serde_json::{Value, json};

#[celeriac::task(name = "add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[celeriac::task(name = "sum")]
async fn sum(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

#[celeriac::task(name = "show", queue = "slow", priority = 2, expires = "1m")]
async fn show(n: i64) -> String {
    n.to_string()
}

#[celeriac::task(name = "both")]
async fn both(pair: (i64, String), named: BTreeMap<String, i64>) -> usize {
    pair.1.len() + named.len()
}

#[celeriac::task(name = "numbers")]
async fn numbers() -> Vec<i64> {
    vec![1, 2]
}

#[celeriac::task(name = "settled")]
async fn settled(results: Vec<Settled<i64>>) -> usize {
    results.len()
}

#[celeriac::task(name = "report")]
async fn report(error: StepError, to: String) -> String {
    format!("{to}: {error}")
}

fn add_to(n: i64) -> Data {
    Task::new("add").argument(n).into()
}

fn add_both(a: i64, b: i64) -> Data {
    Task::new("add").argument(a).argument(b).into()
}

fn task(name: &'static str) -> Data {
    Task::new(name).into()
}

fn members(members: Vec<Data>, policy: Policy) -> Data {
    Shape::Group { members, policy }.into()
}

fn ints(values: &[i64]) -> Vec<HeaderValue> {
    values.iter().map(|n| HeaderValue::Int(*n)).collect()
}

#[test]
fn chains_grow_in_place() {
    let named = chain(add::s(1, 2)).then(add::p(3)).then(add::p(4));
    let by_operator = add::s(1, 2) | add::p(3) | add::p(4);
    let nested = chain(add::s(1, 2)).then(chain(add::p(3)).then(add::p(4)));
    let expected = Data::chain(vec![add_both(1, 2), add_to(3), add_to(4)]);
    assert_eq!(named.into_data().unwrap(), expected);
    assert_eq!(by_operator.into_data().unwrap(), expected);
    let inner = Data::chain(vec![add_to(3), add_to(4)]);
    assert_eq!(nested.into_data().unwrap(), Data::chain(vec![add_both(1, 2), inner]));
}

#[test]
fn a_chain_with_callbacks_is_a_part_of_its_own() {
    let inner = (add::s(1, 2) | add::p(3)).link(show::p());
    let Shape::Chain(steps) = inner.then(add::p(4)).into_data().unwrap().shape else { panic!() };
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0].link[0].task.as_str(), "show");
    assert_eq!(steps[1], add_to(4));
}

#[test]
fn a_group_with_a_body_is_a_chord() {
    let given = [add::s(1, 2), add::s(3, 4)];
    let expected = Data::chain(vec![
        members(vec![add_both(1, 2), add_both(3, 4)], Policy::FailFast),
        task("sum"),
    ]);
    let followed = group(given.clone()).fail_fast().then(sum::p());
    assert_eq!(followed.into_data().unwrap(), expected);
    assert_eq!(chord(group(given).fail_fast(), sum::p()).into_data().unwrap(), expected);
    let none: Vec<Canvas<Nothing, i64>> = Vec::new();
    let empty = group(none).wait_all().into_data().unwrap();
    assert_eq!(empty, members(vec![], Policy::WaitAll));
}

#[test]
fn tuples_have_members_of_different_types() {
    let pair = group((add::s(1, 2), show::s(3)));
    let named = BTreeMap::from([("x".to_owned(), 1)]);
    let body = pair.then(both::p(named)).into_data().unwrap();
    let Shape::Chain(steps) = body.shape else { panic!() };
    let Shape::Group { members, .. } = &steps[0].shape else { panic!() };
    assert_eq!(members.len(), 2);
    let Shape::Task(body) = &steps[1].shape else { panic!() };
    let map = BTreeMap::from([("x".to_owned(), HeaderValue::Int(1))]);
    assert_eq!(body.arguments.args, [HeaderValue::Map(map)]);
}

#[test]
fn settled_groups_give_values_and_errors() {
    let canvas = group([add::s(1, 2)]).settle().then(settled::p());
    let expected =
        Data::chain(vec![members(vec![add_both(1, 2)], Policy::Settle), task("settled")]);
    assert_eq!(canvas.into_data().unwrap(), expected);
    let error = StepError {
        id: MessageId::new(),
        task: "add".into(),
        failure: celeriac::Failure::new("kind", "message"),
        path: vec!["group[0]".into()],
    };
    let given = json!([{"value": 3}, {"error": error}]);
    let read: Vec<Settled<i64>> = serde_json::from_value(given).unwrap();
    assert_eq!(read[0].clone().into_result(), Ok(3));
    assert_eq!(read[1].clone().into_result(), Err(error));
}

#[test]
fn tasks_go_over_items() {
    let all = Items::Input(JsonPath::WHOLE);
    let found = (numbers::s() | map(add::p(5), input()).fail_fast()).into_data().unwrap();
    let over = |items, each, policy| Shape::Map {
        signature: Task::new("add").argument(5),
        items,
        each,
        policy,
    };
    let expected = over(all.clone(), Each::Item, Policy::FailFast).into();
    assert_eq!(found, Data::chain(vec![task("numbers"), expected]));

    let given: Canvas<Nothing, _> = chain(map(add::p(5), [1, 2]));
    let expected = over(Items::Given(ints(&[1, 2])), Each::Item, Policy::WaitAll).into();
    assert_eq!(given.into_data().unwrap(), expected);

    let inside: Canvas<Value, _> = chain(chunks(add::p(5), at("$.n"), 10));
    let expected = Shape::Chunks {
        signature: Task::new("add").argument(5),
        items: Items::Input("$.n".parse().unwrap()),
        each: Each::Item,
        size: 10,
        policy: Policy::WaitAll,
    };
    assert_eq!(inside.into_data().unwrap(), expected.into());

    let swept: Canvas<Vec<(i64, i64)>, _> = sweep(star(add), input());
    let signature = Task::new("add");
    let expected = Shape::Sweep { signature: signature.clone(), items: all, each: Each::Star };
    assert_eq!(swept.into_data().unwrap(), expected.into());

    let starred: Canvas<Nothing, Vec<i64>> = chain(starmap(add, [(1, 2)]));
    let items = Items::Given(vec![HeaderValue::List(ints(&[1, 2]))]);
    let policy = Policy::WaitAll;
    let expected = Shape::Map { signature, items, each: Each::Star, policy };
    assert_eq!(starred.into_data().unwrap(), expected.into());
}

#[test]
fn results_choose_feed_and_repeat() {
    let cases = switch().when(at("$").less_than(5).or(at("$.x").exists()), add::p(1));
    let looped = repeat_until(add::p(2), !at("$").is(7), 9);
    let canvas = add::s(1, 2) | cases | looped | fork([("a", add::p(3)), ("b", add::p(4))]);
    let Shape::Chain(steps) = canvas.into_data().unwrap().shape else { panic!() };
    let written = serde_json::to_value(&steps[1..]).unwrap();
    let shape = |at: usize| written[at]["shape"].clone();
    assert_eq!(
        shape(0)["switch"]["cases"][0][0],
        json!({"any": [{"compare": ["$", "less", 5]}, {"exists": "$.x"}]})
    );
    assert_eq!(shape(0)["switch"]["otherwise"], Value::Null);
    assert_eq!(shape(1)["loop"]["until"], json!({"not": {"compare": ["$", "equal", 7]}}));
    assert_eq!(shape(1)["loop"]["max"], 9);
    assert_eq!(shape(2)["fork"]["branches"][1][0], "b");
}

#[test]
fn immutable_steps_ignore_what_comes_in() {
    let alone = add::s(3, 4).immutable();
    let many = group([add::s(5, 6), add::s(7, 8)]);
    let chained = chain(many).then(sum::p()).immutable();
    let canvas = chain(numbers::s()).then(alone).then(chained).into_data().unwrap();
    let Shape::Chain(steps) = canvas.shape else { panic!() };
    let ignores = |canvas: &Data| matches!(&canvas.shape, Shape::Task(task) if task.immutable);
    assert!(ignores(&steps[1]));
    let Shape::Chain(inner) = &steps[2].shape else { panic!() };
    let Shape::Group { members, .. } = &inner[0].shape else { panic!() };
    assert!(members.iter().all(ignores));
    assert!(!ignores(&inner[1]));
}

#[test]
fn callbacks_are_told_or_ignore() {
    let canvas = add::s(1, 2)
        .link(show::p())
        .link(numbers::s())
        .on_error(report::p("ops".into()))
        .into_data()
        .unwrap();
    assert!(!canvas.link[0].immutable && canvas.link[1].immutable);
    assert_eq!(canvas.on_error[0].arguments.args, [HeaderValue::from("ops")]);
}

#[test]
fn a_tasks_own_options_travel_with_its_step() {
    let options = |canvas: Data| match canvas.shape {
        Shape::Task(task) => task.options.map(|options| (*options).clone()),
        _ => panic!(),
    };
    assert_eq!(options(chain(add::p(1)).into_data().unwrap()), None);
    let own = options(chain(show::p()).into_data().unwrap()).unwrap();
    assert_eq!(own.queue.unwrap().as_str(), "slow");
    assert_eq!(own.priority.unwrap().get(), 2);
    assert_eq!(own.expires.unwrap().0, Duration::from_secs(60));
    let said = show::p().queue("fast").countdown(Duration::from_secs(3)).header("a", "b");
    let said = options(chain(said).into_data().unwrap()).unwrap();
    assert_eq!(said.queue.unwrap().as_str(), "fast");
    assert_eq!(said.countdown.unwrap().0, Duration::from_secs(3));
    assert_eq!(said.headers["a"], "b".into());
}

#[test]
fn mistakes_are_kept_until_it_is_sent() {
    let late = (add::s(1, 2).eta(SystemTime::now()) | add::p(1)).into_data();
    assert_eq!(late.unwrap_err(), CanvasError::Option { task: "add", option: "eta" });
    let nowhere = repeat_until(add::p(1), at("n").is(1), 2).into_data().unwrap_err();
    assert!(nowhere.to_string().contains("`n` is no path"), "{nowhere}");
    let unwritable = BTreeMap::from([(vec![1], 1)]);
    let inside = Dynamic::task("x", [unwritable]).then(add::p(1)).into_data().unwrap_err();
    assert!(inside.to_string().contains("an argument of `x`"), "{inside}");
}

#[test]
fn dynamic_parts_compose_without_types() {
    let steps: Vec<Dynamic> = vec![add::p(1).into(), show::p().dynamic(), numbers::s().into()];
    let built = steps.into_iter().fold(Dynamic::task("add", [1, 2]), Dynamic::then);
    let Shape::Chain(steps) = built.into_data().unwrap().shape else { panic!() };
    assert_eq!(steps.len(), 4);
    let mixed = fork([("n", add::s(1, 2).dynamic()), ("text", show::s(1).dynamic())]);
    let mixed: Canvas<Nothing, BTreeMap<String, Value>> = chain(mixed);
    assert!(mixed.into_data().is_ok());
}

#[test]
fn wide_and_long_canvases_are_built_in_linear_time() {
    let wide = group((0..100_000).map(|n| add::s(n, 1)).collect::<Vec<_>>());
    let Shape::Group { members, .. } = wide.into_data().unwrap().shape else { panic!() };
    assert_eq!(members.len(), 100_000);
    let long = (0..10_000).fold(chain(add::s(0, 0)), |steps, n| steps.then(add::p(n)));
    let Shape::Chain(steps) = long.into_data().unwrap().shape else { panic!() };
    assert_eq!(steps.len(), 10_001);
}
