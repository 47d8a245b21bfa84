//! Apps on a Redis server: calls, chords, and workers that are killed.
//! `CELERIAC_TEST_REDIS` says where it is; without one the tests say so.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod child;
mod killed;
mod outage;

use std::time::{Duration, Instant};

use celeriac::workflow::{Canvas, Signature};
use celeriac::{App, MessageId};

use child::{app, place};

const PATIENCE: Duration = Duration::from_secs(60);

fn plain(task: &str, argument: i64) -> Signature {
    Signature::new(task.to_owned()).argument(argument)
}

async fn run(app: &App, canvas: Canvas) -> (i64, Duration) {
    let began = Instant::now();
    let id: MessageId = app.start(canvas).await.unwrap();
    let value = app.result::<i64>(id).await.unwrap().get_timeout(PATIENCE).await.unwrap();
    (value, began.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_chords_and_chains() {
    let Some(address) = place() else { return };
    let app = app(&address);
    let worker = app.start_worker().await.unwrap();
    assert_eq!(app.send(child::double::s(21)).await.unwrap().get().await.unwrap(), 42);
    let later = app.send(child::double::s(4).countdown(Duration::from_millis(5))).await.unwrap();
    assert_eq!(later.get_timeout(PATIENCE).await.unwrap(), 8);

    for _ in 0..3 {
        let members = (0..1000).map(|number| plain("redis.double", number).into()).collect();
        let body = Signature::new("redis.sum");
        let chord = Canvas::chain(vec![Canvas::group(members), body.into()]);
        let (sum, took) = run(&app, chord).await;
        assert_eq!(sum, 999 * 1000);
        println!("a chord of 1,000: {took:?}");
        let mut steps: Vec<Canvas> = vec![plain("redis.next", 0).into()];
        steps.extend((1..200).map(|_| Signature::new("redis.next").into()));
        let (last, took) = run(&app, Canvas::chain(steps)).await;
        assert_eq!(last, 200);
        println!("a chain of 200: {took:?}");
    }
    worker.stop().await;
    app.shutdown().await;
}
