//! A workflow of one's own in the simulation: orders are paid, then packed item
//! by item, then shipped, while processes die, answers get lost and messages
//! come twice. Whatever the seed, each order is shipped, and paid once.
//!
//! `cargo run --example simulation`, or with a seed to see what happened:
//! `cargo run --example simulation -- 7`. `docs/simulation.md` explains it.

#![expect(clippy::print_stdout, clippy::panic, reason = "an example that shows what it found")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use celeriac::canvas::{chain, group};
use celeriac::workflow::{Canvas, Start, WorkflowError};
use celeriac::{App, MessageId, Name, QueueName, State, Timestamp};
use celeriac_testkit::sim::{Cluster, Report, Simulation, World};

/// The bank: outside of the processes, it survives them. It takes a key with
/// each payment, as banks do, for a task may run more than once.
#[derive(Clone, Default)]
struct Bank(Arc<Mutex<BTreeMap<u64, u64>>>);

impl Bank {
    fn pay(&self, order: u64, amount: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(order).or_insert(amount);
    }

    fn balance(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

#[celeriac::task]
async fn pay(order: u64, bank: State<Bank>) -> u64 {
    // Inside, time is simulated: this takes none.
    tokio::time::sleep(Duration::from_secs(2)).await;
    bank.pay(order, 10);
    order
}

#[celeriac::task]
async fn pack(order: u64, item: u64) -> u64 {
    order * 100 + item
}

#[celeriac::task]
async fn ship(items: Vec<u64>) -> String {
    format!("shipped {items:?}")
}

/// What runs in each simulated process.
fn cluster(bank: &Bank) -> Cluster<App> {
    let app = App::memory().register(pay).register(pack).register(ship).provide(bank.clone());
    Cluster::new(
        // The servers: what they have acknowledged survives.
        || async { App::memory().drivers().await },
        // A process's app, over what it sees of them.
        move |broker, store| app.with_drivers(broker, store),
        |app| async move { app.start_worker().await },
    )
}

/// Orders; each is a workflow that a client starts, as often as it must.
const ORDERS: u64 = 3;

async fn orders(world: &World<App>) -> Result<Vec<String>, Box<dyn Error>> {
    let mut ids = Vec::new();
    for order in 1..=ORDERS {
        let items = Vec::from_iter((1..=3).map(|item| pack::s(order, item).immutable()));
        let workflow = chain(pay::s(order)).then(group(items)).then(ship::p());
        let (canvas, id) = (workflow.into_data()?, MessageId::new());
        // The client may die, too: another one starts the same workflow again.
        world.call(|app| start(app, id, canvas.clone())).await;
        ids.push(id);
    }
    let mut shipped = Vec::new();
    for id in ids {
        shipped.push(world.app().result::<String>(id).await?.get().await?);
    }
    Ok(shipped)
}

async fn start(app: App, id: MessageId, canvas: Canvas) -> Result<(), WorkflowError> {
    let (name, queue) = (Name::from_static("order"), QueueName::DEFAULT);
    let expires_at = Timestamp::NEVER;
    app.start_as(Start { id, name, version: 1, queue, expires_at }, &canvas).await
}

fn run(seed: u64, traced: bool) -> Report<u64> {
    let bank = Bank::default();
    Simulation::new(cluster(&bank)).traced(traced).run(seed, async |world| {
        let shipped = orders(world).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(shipped[0], "shipped [101, 102, 103]");
        bank.balance()
    })
}

fn main() {
    if let Some(seed) = std::env::args().nth(1).and_then(|seed| seed.parse().ok()) {
        let report = run(seed, true);
        println!("{}\n{report}", report.trace.join("\n"));
        return;
    }
    let mut faults = 0;
    for seed in 0..50 {
        let report = run(seed, false);
        faults += report.faults.values().sum::<u64>();
        // Panics where a promise was broken, and says which.
        assert_eq!(report.unwrap(), ORDERS * 10, "every order is paid once");
    }
    println!("50 seeds: {} orders shipped and paid once, through {faults} faults", 50 * ORDERS);
}
