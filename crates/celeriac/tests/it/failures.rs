//! Errors, panics and retries: who is tried again, and what becomes of the rest.

use std::time::Duration;

use celeriac::{App, Filter, Reason, Retry, Retryable, State, TaskContext, TaskState};

use crate::fixture::{AT_ONCE, Counter, app, empty, end, failure, get};

#[derive(Debug, thiserror::Error)]
#[error("attempt {0}")]
struct Flaky(u32);

#[derive(Debug, thiserror::Error)]
enum Payment {
    #[error("the card was declined")]
    Declined,
    #[error("ask again")]
    Later,
}

impl Retryable for Payment {
    fn retry(&self) -> Retry {
        match self {
            Self::Declined => Retry::Never,
            Self::Later => Retry::After(Duration::from_millis(1)),
        }
    }
}

#[celeriac::task]
async fn succeeds_at(attempt: u32, ctx: &TaskContext, runs: State<Counter>) -> Result<u32, Flaky> {
    runs.add();
    if ctx.attempt() < attempt { Err(Flaky(ctx.attempt())) } else { Ok(ctx.attempt()) }
}

#[celeriac::task]
fn succeeds_on_a_thread_at(attempt: u32, ctx: &TaskContext) -> Result<u32, Flaky> {
    if ctx.attempt() < attempt { Err(Flaky(ctx.attempt())) } else { Ok(ctx.attempt()) }
}

#[celeriac::task]
async fn panics_until(attempt: u32, ctx: &TaskContext) -> u32 {
    assert!(ctx.attempt() >= attempt, "not yet");
    ctx.attempt()
}

#[celeriac::task]
async fn pay(declined: bool, ctx: &TaskContext, runs: State<Counter>) -> Result<u32, Payment> {
    runs.add();
    match (declined, ctx.attempt()) {
        (true, _) => Err(Payment::Declined),
        (false, 0) => Err(Payment::Later),
        (false, attempt) => Ok(attempt),
    }
}

fn registered(runs: &Counter) -> App {
    app()
        .register(succeeds_at)
        .register(succeeds_on_a_thread_at)
        .register(panics_until)
        .register(pay)
        .provide(runs.clone())
}

#[tokio::test]
async fn a_failure_is_tried_again_async_and_sync() {
    let runs = Counter::default();
    let app = registered(&runs);
    let _worker = app.start_worker().await.unwrap();
    assert_eq!(get(&app.send(succeeds_at::s(2).retry(AT_ONCE)).await.unwrap()).await, 2);
    assert_eq!(runs.get(), 3);
    let on_thread = app.send(succeeds_on_a_thread_at::s(2).retry(AT_ONCE)).await.unwrap();
    assert_eq!(get(&on_thread).await, 2);
    empty(&app).await;
}

#[tokio::test]
async fn a_panic_is_a_failure_like_others() {
    let app = registered(&Counter::default());
    let _worker = app.start_worker().await.unwrap();
    assert_eq!(get(&app.send(panics_until::s(2).retry(AT_ONCE)).await.unwrap()).await, 2);
    let hopeless = app.send(panics_until::s(9).retry(AT_ONCE)).await.unwrap();
    assert!(failure(&hopeless).await.contains("panic: not yet"));
}

#[tokio::test]
async fn the_last_attempt_ends_in_failure_and_quarantine() {
    let runs = Counter::default();
    let app = registered(&runs);
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(succeeds_at::s(9).retry(AT_ONCE)).await.unwrap();
    assert_eq!(end(&sent).await, TaskState::Failure);
    assert_eq!(failure(&sent).await, format!("the task {} failed: Flaky: attempt 2", sent.id()));
    assert_eq!(runs.get(), 3);
    empty(&app).await;
    let kept = app.quarantined(&Filter::default(), 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].reason), (1, Reason::RetriesExhausted));
    assert_eq!(kept[0].content.id(), sent.id());
}

#[tokio::test]
async fn an_error_says_whether_it_may_be_tried_again_and_when() {
    let runs = Counter::default();
    let app = registered(&runs);
    let _worker = app.start_worker().await.unwrap();
    let declined = app.send(pay::s(true)).await.unwrap();
    assert!(failure(&declined).await.ends_with("the card was declined"));
    assert_eq!(runs.get(), 1, "never again");
    assert!(app.quarantined(&Filter::default(), 9).await.unwrap().is_empty());
    assert_eq!(get(&app.send(pay::s(false)).await.unwrap()).await, 1);
    assert_eq!(runs.get(), 3);
}
