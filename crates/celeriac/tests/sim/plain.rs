//! Tasks without workflows: whatever happens, each ends once.

use std::sync::Arc;
use std::time::Duration;

use celeriac::{App, HeaderValue};
use celeriac_core::MessageId;
use celeriac_testkit::canvas::{Ran, run};
use celeriac_testkit::sim::{Report, Simulation, World};

use crate::cluster::of_canvases;
use crate::seeds;
use crate::tasks::Witness;

const TASKS: &[&str] = &["mix", "odd", "list", "flaky", "hopeless", "map"];

/// A command that a client sends, as often as it must.
fn message(id: MessageId, task: &'static str, argument: i64) -> celeriac_core::Message {
    let arguments = celeriac_core::arguments::Arguments {
        args: vec![HeaderValue::Int(argument)],
        ..Default::default()
    };
    let body = celeriac_core::body::encode(&celeriac_core::ContentType::Json, &arguments).unwrap();
    let name = celeriac_core::Name::from_static(task);
    celeriac_core::Message { id, may_repeat: true, ..celeriac_core::Message::command(name, body) }
}

async fn scenario(world: &World<App>) {
    let count = 1 + world.below(30);
    let mut sent = Vec::new();
    for _ in 0..count {
        let task = TASKS[world.below(TASKS.len())];
        let argument = world.below(100) as i64;
        let mut message = message(MessageId::new(), task, argument);
        let id = message.id;
        if world.below(4) == 0 {
            let wait = Duration::from_millis(world.below(20_000) as u64);
            message.rare_mut().eta = Some(celeriac::Timestamp::now().after(wait));
        }
        let message = Arc::new(message);
        world
            .call(|app| {
                let message = message.clone();
                async move { send(&app, message).await }
            })
            .await;
        let is_revoked = world.below(10) == 0;
        if is_revoked {
            world.call(|app| async move { app.revoke(&[id]).await }).await;
        }
        sent.push((id, task, argument, is_revoked));
        if world.below(3) == 0 {
            world.pass(Duration::from_millis(world.below(3000) as u64)).await;
        }
    }
    for (id, task, argument, is_revoked) in sent {
        let result = world.app().result::<HeaderValue>(id).await.unwrap().get().await;
        let expected = run(task, &[HeaderValue::Int(argument)], None, false);
        match (result, expected) {
            (Ok(found), Ran::Value(value)) => assert_eq!(found, value, "{task} {id}"),
            (Err(celeriac::ResultError::Revoked(_)), _) if is_revoked => {}
            (Err(_), Ran::Failed(..)) => {}
            (found, expected) => panic!("{task} {id} came to {found:?}, not {expected:?}"),
        }
    }
}

async fn send(app: &App, message: Arc<celeriac_core::Message>) -> Result<(), String> {
    // As a publisher of another language would.
    let (broker, store) = app.drivers().await.map_err(|error| error.to_string())?;
    let is_later = message.rare().eta.is_some();
    let sent = match is_later {
        true => store.schedule(&[message]).await,
        false => broker.publish(&[message], celeriac_core::broker::Limit::Respect).await.map(drop),
    };
    sent.map_err(|error| error.to_string())
}

pub(crate) fn simulate(seed: u64, traced: bool) -> Report<()> {
    let witness = Arc::new(Witness::default());
    Simulation::new(of_canvases(&witness)).traced(traced).run(seed, scenario)
}

#[test]
fn every_task_ends_once() {
    seeds::each(0, "tasks", simulate);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        let (first, second) = (simulate(seed, true), simulate(seed, true));
        for (at, (first, second)) in first.trace.iter().zip(&second.trace).enumerate() {
            assert_eq!(first, second, "line {at} of seed {seed}");
        }
        assert_eq!(first.trace.len(), second.trace.len());
    }
}
