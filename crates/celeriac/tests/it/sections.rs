//! Sections inside a task: retry, poisonous, optional.

use celeriac::{Filter, Reason, State, TaskContext, TaskState};

use crate::fixture::{AT_ONCE, Counter, app, empty, end, failure, get};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(&'static str);

#[celeriac::task]
async fn retries(ctx: &TaskContext, tries: State<Counter>) -> Result<usize, Wrong> {
    ctx.retry(AT_ONCE, || async {
        match tries.add() {
            2 => Ok(2),
            _ => Err(Wrong("not yet")),
        }
    })
    .await
}

#[celeriac::task]
async fn poisons(ctx: &TaskContext, tries: State<Counter>) -> Result<(), Wrong> {
    tries.add();
    ctx.poisonous(async { Err(Wrong("half done")) }).await
}

#[celeriac::task]
async fn shrugs(ctx: &TaskContext) -> Result<(Option<u32>, Option<u32>), Wrong> {
    let lost = ctx.optional(async { Err::<u32, _>(Wrong("no matter")) }).await;
    let named = |error: &Wrong| error.0 == "pardoned";
    let pardoned = ctx.optional_if(named, async { Err::<u32, _>(Wrong("pardoned")) }).await?;
    assert_eq!(ctx.optional_if(named, async { Ok::<_, Wrong>(1) }).await?, Some(1));
    Ok((lost, pardoned))
}

#[celeriac::task(retry = false)]
async fn is_strict(ctx: &TaskContext) -> Result<Option<u32>, Wrong> {
    ctx.optional_if(|error| error.0 == "pardoned", async { Err(Wrong("serious")) }).await
}

#[tokio::test]
async fn a_section_is_tried_again_in_place() {
    let tries = Counter::default();
    let app = app().register(retries).provide(tries.clone());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(retries::s()).await.unwrap();
    assert_eq!((get(&sent).await, tries.get()), (2, 3));
    assert_eq!(sent.entry().await.unwrap().unwrap().attempt, 0, "within one attempt");
}

#[tokio::test]
async fn a_failure_in_a_poisonous_section_is_final() {
    let tries = Counter::default();
    let app = app().register(poisons).provide(tries.clone());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(poisons::s()).await.unwrap();
    assert_eq!((end(&sent).await, tries.get()), (TaskState::Failure, 1));
    empty(&app).await;
    let kept = app.quarantined(&Filter::default(), 9).await.unwrap();
    assert_eq!(kept[0].reason, Reason::Poisonous);
}

#[tokio::test]
async fn an_optional_section_may_fail_as_far_as_it_is_pardoned() {
    let app = app().register(shrugs).register(is_strict);
    let _worker = app.start_worker().await.unwrap();
    assert_eq!(get(&app.send(shrugs::s()).await.unwrap()).await, (None, None));
    assert!(failure(&app.send(is_strict::s()).await.unwrap()).await.contains("serious"));
}
