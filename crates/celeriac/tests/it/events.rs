//! Events: every subscriber runs, once per event.

use celeriac::State;
use celeriac_testkit::probe::eventually;
use parking_lot::Mutex;
use std::sync::Arc;

use crate::fixture::{app, empty};

type Heard = Arc<Mutex<Vec<String>>>;

#[celeriac::event]
struct UserRegistered {
    email: String,
}

#[celeriac::event]
enum Unheard {
    Else(u32),
}

#[celeriac::task]
async fn welcome(email: String, heard: State<Heard>) {
    heard.lock().push(format!("welcome {email}"));
}

#[celeriac::task(queue = "audit")]
async fn audit(what: String, size: usize, heard: State<Heard>) {
    heard.lock().push(format!("{what} {size}"));
}

#[celeriac::task]
async fn tick(heard: State<Heard>) {
    heard.lock().push("tick".to_owned());
}

#[tokio::test]
async fn each_subscription_runs_once_per_event() {
    let heard = Heard::default();
    let app = app()
        .register(welcome)
        .register(audit)
        .register(tick)
        .provide(heard.clone())
        .subscribe(welcome::from_event(|event: UserRegistered| (event.email,)))
        .subscribe(tick::from_event(|_: UserRegistered| ()))
        .subscribe(audit::from_event(|event: UserRegistered| {
            ("long".to_owned(), event.email.len())
        }))
        .subscribe(
            audit::from_event(|event: UserRegistered| (event.email, 0)).named("audit again"),
        );
    let _worker = app.start_worker().await.unwrap();
    for email in ["a@x", "bb@x"] {
        app.publish(UserRegistered { email: email.to_owned() }).await.unwrap();
    }
    eventually("eight commands", || async { heard.lock().len() >= 8 }).await;
    empty(&app).await;
    let mut all = heard.lock().clone();
    all.sort();
    let expected =
        ["a@x 0", "bb@x 0", "long 3", "long 4", "tick", "tick", "welcome a@x", "welcome bb@x"];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn an_event_waits_for_its_worker_and_one_that_nobody_hears_is_done_with() {
    let heard = Heard::default();
    let app = app()
        .register(welcome)
        .provide(heard.clone())
        .subscribe(welcome::from_event(|event: UserRegistered| (event.email,)));
    app.publish(UserRegistered { email: "early".to_owned() }).await.unwrap();
    app.publish(Unheard::Else(1)).await.unwrap();
    let _worker = app.start_worker().await.unwrap();
    empty(&app).await;
    eventually("the command", || async { heard.lock().as_slice() == ["welcome early"] }).await;
}
