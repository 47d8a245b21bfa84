//! Sends by key: of many senders that die, repeat themselves and come at the
//! same time, one task runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use celeriac::{App, MessageId, State};
use celeriac_testkit::sim::{Report, Simulation, World};
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::cluster::{app, of};
use crate::seeds;

/// Longer than any scenario: in one window a key stands for one task.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// The ids that were run, by key.
type Ran = Arc<Mutex<BTreeMap<u64, Vec<MessageId>>>>;

#[celeriac::task]
async fn note(key: u64, ran: State<Ran>, ctx: &celeriac::TaskContext) -> u64 {
    sleep(Duration::from_millis(300)).await;
    let mut ran = ran.lock();
    let ids = ran.entry(key).or_default();
    if !ids.contains(&ctx.id()) {
        ids.push(ctx.id());
    }
    key
}

async fn scenario(world: &World<App>) {
    let keys = 1 + world.below(5) as u64;
    for _ in 0..2 + world.below(20) {
        let key = world.below(keys as usize) as u64;
        let send = |app: App| async move {
            let call = note::s(key).dedup_key(format!("key {key}"), WINDOW);
            app.send(call).await.map(|result| result.id())
        };
        if world.below(3) == 0 {
            // Two at the same time.
            tokio::join!(world.call(send), world.call(send));
        } else {
            let id = world.call(send).await;
            let value = world.app().result::<u64>(id).await.unwrap().get().await;
            assert_eq!(value.unwrap(), key);
        }
    }
}

fn simulate(seed: u64, traced: bool) -> Report<()> {
    let ran = Ran::default();
    let app = app().register(note).provide(ran.clone());
    let mut report = Simulation::new(of(app)).traced(traced).run(seed, scenario);
    for (key, ids) in ran.lock().iter().filter(|(_, ids)| ids.len() > 1) {
        report.violations.push(format!("the key {key} ran as {ids:?}"));
    }
    report
}

#[test]
fn a_key_runs_once() {
    seeds::each(500_000, "keys", simulate);
}
