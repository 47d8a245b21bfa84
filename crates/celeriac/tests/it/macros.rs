//! What the macros make of functions and types: they run, and are what they say.

use std::time::Duration;

use celeriac::{App, Retry, RetryPolicy, Retryable, State, Task, TaskContext};

struct Rate(u64);

#[derive(Debug)]
struct Declined;

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("declined")
    }
}

impl Retryable for Declined {
    fn retry(&self) -> Retry {
        Retry::Never
    }
}

#[celeriac::task(
    queue = "mail",
    priority = 7,
    retry(max = 10, backoff = "1s..2m"),
    soft_time_limit = "20s",
    time_limit = "1m30s",
    expires = "1h",
    result_ttl = "2h",
    concurrency = 4,
    name = "tests.configured"
)]
async fn configured() {}

#[celeriac::task(retry = false, ignore_result)]
fn plain() {}

/// The parameters' names are those of the macro's own variables.
#[celeriac::task]
async fn mixed(
    context: u64,
    ctx: &TaskContext,
    rate: State<Rate>,
    mut arguments: u64,
    r#type: Option<String>,
) -> Result<String, Declined> {
    arguments += context * rate.0;
    Ok(format!("{arguments} {} {}", r#type.unwrap_or_default(), ctx.attempt()))
}

#[celeriac::task]
fn computed(rate: State<Rate>, n: u64, ctx: &TaskContext) -> Result<u64, std::io::Error> {
    Ok(n * rate.0 + u64::from(ctx.attempt()))
}

#[celeriac::task]
async fn declined() -> Result<(), Declined> {
    Err(Declined)
}

#[celeriac::event]
struct Paid {
    amount: u64,
}

#[celeriac::event(name = "shop.closed")]
#[derive(Clone, Debug, serde::Serialize)]
enum Closed {
    Tonight,
}

fn app() -> App {
    App::memory().register(mixed).register(computed).register(declined).provide(Rate(10))
}

#[test]
fn options_are_constants() {
    let options = configured::OPTIONS;
    assert_eq!((options.queue, options.priority), ("mail", 7));
    let policy = RetryPolicy { max_attempts: 10, ..RetryPolicy::default() };
    assert_eq!(options.retry, Some(policy));
    assert_eq!(options.soft_time_limit, Some(Duration::from_secs(20)));
    assert_eq!(options.time_limit, Some(Duration::from_secs(90)));
    assert_eq!(options.expires, Some(Duration::from_secs(3600)));
    assert_eq!(options.result_ttl, Some(Duration::from_secs(7200)));
    assert_eq!((options.concurrency, options.ignore_result), (Some(4), false));
    assert_eq!(plain::OPTIONS.retry, Some(RetryPolicy::NEVER));
    const { assert!(plain::OPTIONS.ignore_result) };
}

#[test]
fn names_are_paths_or_as_given() {
    assert_eq!(configured::NAME, "tests.configured");
    assert_eq!(plain::NAME, "it::macros::plain");
    assert_eq!(<Paid as celeriac::Event>::NAME, "it::macros::Paid");
    assert_eq!(<Closed as celeriac::Event>::NAME, "shop.closed");
    assert_eq!(mixed::PARAMETERS, ["context", "arguments", "type"]);
}

#[test]
fn the_backoff_that_is_not_given_is_the_default() {
    #[celeriac::task(retry(max = 3))]
    fn patient() {}
    let policy = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
    assert_eq!(patient::OPTIONS.retry, Some(policy));
}

#[tokio::test]
async fn functions_can_be_called_without_a_worker() {
    plain::call();
    configured::call().await;
    assert!(declined::call().await.is_err());
}

#[tokio::test]
async fn a_variable_may_bear_the_name_of_a_task() {
    let app = app();
    let worker = app.start_worker().await.unwrap();
    let computed = app.send(computed::s(4)).await.unwrap();
    assert_eq!(computed.get().await.unwrap(), 40);
    if let Ok(computed) = app.send(computed::s(5)).await {
        assert_eq!(computed.get().await.unwrap(), 50);
    }
    worker.stop().await;
}

#[tokio::test]
async fn workers_give_context_and_state() {
    let app = app();
    let worker = app.start_worker().await.unwrap();
    let sent = app.send(mixed::s(2, 1, Some("x".to_owned()))).await.unwrap();
    assert_eq!(sent.get().await.unwrap(), "21 x 0");
    let sent = app.send(computed::s(4)).await.unwrap();
    assert_eq!(sent.get().await.unwrap(), 40);
    worker.stop().await;
}

#[tokio::test]
async fn an_error_is_asked_whether_to_try_again() {
    let app = app();
    let worker = app.start_worker().await.unwrap();
    let error = app.send(declined::s()).await.unwrap().get().await.unwrap_err();
    assert!(error.to_string().contains("Declined: declined"), "{error}");
    worker.stop().await;
}

#[tokio::test]
async fn events_become_arguments() {
    let subscriber = computed::from_event(|paid: Paid| (paid.amount,));
    let of_none = declined::from_event(|_: Closed| ());
    let app = app().subscribe(subscriber).subscribe(of_none);
    let worker = app.start_worker().await.unwrap();
    app.publish(Paid { amount: 3 }).await.unwrap();
    app.publish(Closed::Tonight).await.unwrap();
    worker.stop().await;
}
