//! Events, documents, sources and sinks: each event and document runs every
//! subscriber once, each value comes to its sinks.

use std::time::Duration;

use bytes::Bytes;
use celeriac::{App, MessageId};
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, id_of};
use celeriac_core::{BoxFuture, Source, Timestamp};
use celeriac_testkit::sim::{Report, Shelf, Simulation, Weather, World};
use tokio::time::sleep;

use crate::cluster::{app, of};
use crate::seeds;

const SINK: &str = "archive";
/// What the source finds.
const FOUND: u64 = 12;

#[celeriac::event]
struct Paid {
    order: u64,
}

#[celeriac::task(sinks = ["archive"])]
async fn bill(order: u64) -> u64 {
    sleep(Duration::from_millis(order % 3 * 400)).await;
    order
}

#[celeriac::task(ignore_result)]
async fn tally(order: u64) -> u64 {
    order
}

/// Numbers from 0 on; the cursor is how many were given.
#[derive(Clone)]
struct Numbers;

impl Source for Numbers {
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        max: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(async move {
            let given = cursor.map_or(0, |cursor| String::from_utf8_lossy(cursor).parse().unwrap());
            if given >= FOUND {
                return std::future::pending().await;
            }
            let end = FOUND.min(given + max.min(5) as u64);
            let document = |number: u64| {
                let id = id_of(Timestamp::from_millis(number), &number.to_string());
                Document::json(id, number.to_string())
            };
            let documents = (given..end).map(document).collect();
            Ok(Polled { documents, cursor: Some(end.to_string().into()) })
        })
    }
}

fn shop(shelf: &Shelf) -> App {
    app()
        .register(bill)
        .register(tally)
        .sink(SINK, shelf.clone())
        .source("found", Numbers)
        .subscribe(bill::from_event(|paid: Paid| (paid.order,)))
        .subscribe(tally::from_event(|paid: Paid| (paid.order,)))
        .subscribe_to("orders", bill::from_document(|order: u64| (order,)))
        .subscribe_to("orders", tally::from_document(|order: u64| (order,)))
        .subscribe_to("orders", bill::from_document(|order: u64| (order + 1,)).named("again"))
        .subscribe_to("found", bill::from_document(|order: u64| (order,)))
}

async fn scenario(world: &World<App>, shelf: &Shelf) -> Vec<String> {
    world.put_up(SINK, shelf);
    let (orders, paid) = (1 + world.below(8), world.below(5));
    for order in 0..orders as u64 {
        let id = MessageId::new();
        // A sender that does not know whether it was heard sends again.
        for _ in 0..=world.below(2) {
            world.call(|app| async move { app.ingest_as(id, "orders", &order).await }).await;
        }
        world.pass(Duration::from_millis(world.below(2000) as u64)).await;
    }
    for order in 0..paid as u64 {
        // One that is sent again is another event.
        world.call(|app| async move { app.publish(Paid { order }).await }).await;
    }
    // Until the source was read; what follows is waited for at the end.
    while world.history().heard().len() < orders + paid + FOUND as usize {
        world.pass(Duration::from_secs(1)).await;
    }
    world.settle().await;
    let heard = world.history().heard();
    let wrong = heard.iter().filter_map(|(id, (name, tasks))| {
        let tasks = Vec::from_iter(tasks.iter().map(|task| task.as_str()));
        let expected: &[&str] = match name.as_str() {
            "orders" => &["bill", "bill", "tally"],
            "found" => &["bill"],
            _ => &["bill", "tally"],
        };
        let is_right = tasks.iter().zip(expected).all(|(task, expected)| task.ends_with(expected));
        let is_right = is_right && tasks.len() == expected.len();
        (!is_right).then(|| format!("{name} {id} became {tasks:?}"))
    });
    wrong.collect()
}

fn simulate(seed: u64, traced: bool) -> Report<Vec<String>> {
    let shelf = Shelf::failing(seed);
    let simulation = Simulation::new(of(shop(&shelf))).traced(traced);
    let mut report = simulation.run(seed, async |world| scenario(world, &shelf).await);
    if let Some(wrong) = &report.value {
        report.violations.extend_from_slice(wrong);
    }
    report
}

#[test]
fn each_event_and_document_is_heard_once_and_each_value_is_kept() {
    seeds::each(400_000, "edges", simulate);
}

/// Nothing goes wrong but the sink, which is down for a while.
#[test]
fn a_sink_that_was_down_catches_up_in_order() {
    for seed in 0..20 {
        let shelf = Shelf::sound();
        let weather = Weather { nodes: 1, ..Weather::CALM };
        let simulation = Simulation::new(of(shop(&shelf))).weather(weather);
        let report = simulation.run(seed, async |world| {
            world.put_up(SINK, &shelf);
            let mut sent = Vec::new();
            for order in 0..20_u64 {
                shelf.set_down((5..15).contains(&order));
                let result = world.app().send(bill::s(100 + order)).await.unwrap();
                assert_eq!(result.get().await.unwrap(), 100 + order, "no task waits for a sink");
                sent.push(result.id());
            }
            world.settle().await;
            let kept = Vec::from_iter(shelf.kept().into_iter().map(|(id, _)| id));
            let ours = Vec::from_iter(kept.into_iter().filter(|id| sent.contains(id)));
            assert_eq!(ours, sent);
        });
        report.unwrap();
    }
}
