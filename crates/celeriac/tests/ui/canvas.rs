//! Parts of a workflow whose types differ do not compile.

use celeriac::canvas::{Settled, StepError, at, chain, chord, group, input, map, repeat_until};

#[celeriac::task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[celeriac::task]
async fn show(n: i64) -> String {
    n.to_string()
}

#[celeriac::task]
async fn sum(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

#[celeriac::task]
async fn now() -> i64 {
    0
}

fn main() {
    // A text into a number.
    let _ = chain(show::s(1)).then(add::p(2));
    let _ = show::s(1) | add::p(2);
    // Complete calls take nothing.
    let _ = chain(add::s(1, 2)).then(add::s(3, 4));
    // The body gets a list, a settled one, not one number.
    let _ = chord([add::s(1, 2)], show::p());
    let _ = group([add::s(1, 2)]).settle().then(sum::p());
    // Members take what comes in.
    let _ = chain(show::s(1)).then(group([add::p(1)]));
    // Items are what the task takes.
    let _ = chain(add::s(1, 2)).then(map(add::p(1), input()));
    // Callbacks are told a result, or an error.
    let _ = add::s(1, 2).link(sum::p());
    let _ = add::s(1, 2).on_error(show::p());
    // What is repeated gives what it takes.
    let _ = repeat_until(show::p(), at("$").is(1), 3);
    // A task without arguments takes no result.
    let _ = now::p();
}

fn _used(_: Settled<i64>, _: StepError) {}

async fn what_takes_something_is_not_sent(app: celeriac::App) {
    let _ = app.send(add::p(1)).await;
    let _ = app.send(chain(add::p(1))).await;
}
