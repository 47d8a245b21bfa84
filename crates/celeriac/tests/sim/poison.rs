//! One message kills whatever process runs it: it ends in quarantine, and
//! nothing that ran beside it does.

use std::time::Duration;

use celeriac::{App, MessageId, TaskState};
use celeriac_core::Name;
use celeriac_testkit::sim::{Report, Simulation, World};
use tokio::time::sleep;

use crate::cluster::{app, of};
use crate::seeds;

/// What makes a culprit, by default.
const DEATHS: u32 = 3;

/// Its process dies while it runs.
#[celeriac::task(name = "poison")]
async fn poison() {
    std::future::pending::<()>().await;
}

#[celeriac::task]
async fn innocent(number: u64) -> u64 {
    sleep(Duration::from_millis(number % 5 * 700)).await;
    number
}

async fn scenario(world: &World<App>) {
    let count = world.below(30) as u64;
    let culprit = world.below(count as usize + 1) as u64;
    let (mut sent, poisoned) = (Vec::new(), MessageId::new());
    for number in 0..=count {
        if number == culprit {
            let send = |app: App| async move { app.send(poison::s().id(poisoned)).await };
            world.call(send).await;
            continue;
        }
        let id = MessageId::new();
        world.call(|app| async move { app.send(innocent::s(number).id(id)).await }).await;
        sent.push((number, id));
        if world.below(4) == 0 {
            world.pass(Duration::from_millis(world.below(3000) as u64)).await;
        }
    }
    for (number, id) in sent {
        let value = world.app().result::<u64>(id).await.unwrap().get().await;
        assert_eq!(value.unwrap(), number);
    }
    let end = world.app().result::<()>(poisoned).await.unwrap();
    assert!(end.get().await.is_err(), "it can't end well");
    assert_eq!(end.state().await.unwrap(), TaskState::Quarantined);
}

fn simulate(seed: u64, traced: bool) -> Report<()> {
    let app = app().register(poison).register(innocent);
    let simulation = Simulation::new(of(app)).poison(Name::from_static("poison"), DEATHS);
    simulation.traced(traced).run(seed, scenario)
}

#[test]
fn what_is_poison_is_found_and_nothing_else_is() {
    seeds::each(600_000, "poison", simulate);
}
