//! The cluster of an app, and the weather's seeds.

use std::sync::Arc;

use celeriac::{App, Config};
use celeriac_testkit::sim::Cluster;

use crate::tasks::{Witness, register};

/// A cluster whose processes run this app.
pub(crate) fn of(app: App) -> Cluster<App> {
    Cluster::new(
        || async { App::memory().drivers().await },
        move |broker, store| app.with_drivers(broker, store),
        |app| async move { app.start_worker().await },
    )
}

/// An app in memory, four tasks at a time.
pub(crate) fn app() -> App {
    let mut config = Config { broker: celeriac::Address::from("memory://"), ..Config::default() };
    config.worker.name = "node".to_owned();
    config.worker.concurrency = 4;
    // Canvases fail on purpose, and their interpreter knows no circuits.
    config.breakers.tasks = false;
    App::from_config(config).unwrap()
}

/// A cluster that runs the tasks of random canvases before this witness.
pub(crate) fn of_canvases(witness: &Arc<Witness>) -> Cluster<App> {
    of(register(app()).provide(witness.clone()))
}
