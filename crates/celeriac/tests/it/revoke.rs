//! Revoking: before it runs, while it runs, after its end.

use celeriac::{State, TaskContext, TaskState};
use celeriac_testkit::probe::eventually;

use crate::fixture::{Counter, app, app_with, empty, end, failure, get, reaches};

#[celeriac::task]
async fn count(calls: State<Counter>) -> usize {
    calls.add()
}

#[celeriac::task]
async fn endless() {
    std::future::pending().await
}

#[celeriac::task]
fn endless_on_a_thread(ctx: &TaskContext, ended: State<Counter>) {
    while !ctx.is_cancelled() {
        std::thread::yield_now();
    }
    ended.add();
}

#[tokio::test]
async fn what_was_revoked_before_never_runs() {
    let calls = Counter::default();
    let app = app().register(count).provide(calls.clone());
    let sent = app.send_many([count::s(), count::s(), count::s()]).await.unwrap();
    sent[0].revoke().await.unwrap();
    app.revoke(&[sent[1].id()]).await.unwrap();
    assert_eq!(sent[0].state().await.unwrap(), TaskState::Revoked, "at once");
    let _worker = app.start_worker().await.unwrap();
    assert_eq!(get(&sent[2]).await, 0);
    empty(&app).await;
    assert!(failure(&sent[1]).await.contains("was revoked"));
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn what_runs_is_cancelled() {
    let ended = Counter::default();
    let app = app().register(endless).register(endless_on_a_thread).provide(ended.clone());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(endless::s()).await.unwrap();
    let on_thread = app.send(endless_on_a_thread::s()).await.unwrap();
    reaches(&sent, TaskState::Started).await;
    reaches(&on_thread, TaskState::Started).await;
    sent.revoke().await.unwrap();
    on_thread.revoke().await.unwrap();
    empty(&app).await;
    assert_eq!(end(&sent).await, TaskState::Revoked);
    assert_eq!(end(&on_thread).await, TaskState::Revoked);
    eventually("the thread's end", || async { ended.get() == 1 }).await;
}

#[tokio::test]
async fn what_has_ended_stays_as_it_ended() {
    let app = app().register(count).provide(Counter::default());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(count::s()).await.unwrap();
    get(&sent).await;
    sent.revoke().await.unwrap();
    assert_eq!(get(&sent).await, 0);
}

#[tokio::test]
async fn a_revocation_is_remembered_as_long_as_the_configuration_says() {
    let ttl = std::time::Duration::from_millis(1);
    let app = app_with(|config| config.tasks.revoke_ttl = ttl);
    let sent = app.send(endless::s()).await.unwrap();
    for handle in [sent.clone(), app.result(sent.id()).await.unwrap()] {
        handle.revoke().await.unwrap();
        let forgotten = || async { handle.state().await.unwrap() == TaskState::Pending };
        eventually("that it is forgotten", forgotten).await;
    }
}
