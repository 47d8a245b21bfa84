//! Files of a folder become documents, a task works on each, and its results go
//! to a JSONL file and, one by one, to whoever listens.
//!
//! `cargo run --example documents`

#![expect(clippy::print_stdout, reason = "a program that talks to people")]

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use celeriac::App;
use celeriac::sinks::{Http, Jsonl};
use celeriac::sources::{Folder, Webhook};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct Order {
    id: u64,
    total: f64,
}

#[derive(Serialize, Deserialize)]
struct Invoice {
    order: u64,
    gross: f64,
}

/// The value goes to both sinks, beside the store.
#[celeriac::task(sinks = ["archive", "bookkeeping"])]
async fn bill(order: u64, net: f64) -> Invoice {
    Invoice { order, gross: net * 1.25 }
}

/// The other end of the sink `bookkeeping`, for the sake of the example.
#[celeriac::task]
async fn book(invoice: Invoice, booked: celeriac::State<tokio::sync::mpsc::UnboundedSender<u64>>) {
    // The program ends when it has heard enough.
    let _ = booked.send(invoice.order);
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let (inbox, archive) = (place.path().join("inbox"), place.path().join("archive.jsonl"));
    fs::create_dir(&inbox)?;

    let hook = Webhook::bind("127.0.0.1:0")?;
    let (booked, mut bookings) = tokio::sync::mpsc::unbounded_channel::<u64>();
    let settle = Duration::from_millis(50);
    let app = App::embedded(place.path().join("data"))?
        .register(bill)
        .register(book)
        .provide(booked)
        .sink("archive", Jsonl::new(&archive))
        .sink("bookkeeping", Http::new(&format!("http://{}/", hook.local_addr()?))?)
        .source("orders", Folder::new(&inbox).every(settle).settle(settle))
        .source("invoices", hook)
        .subscribe_to("orders", bill::from_document(|order: Order| (order.id, order.total)))
        .subscribe_to("invoices", book::from_document(|invoice: Invoice| (invoice,)));
    let worker = app.start_worker().await?;

    for id in 1..=3 {
        let order = Order { id, total: 100.0 * id as f64 };
        fs::write(inbox.join(format!("{id}.json")), serde_json::to_vec(&order)?)?;
    }
    // Documents come by hand, too.
    app.ingest("orders", &Order { id: 4, total: 400.0 }).await?;

    let mut orders = Vec::new();
    for _ in 1..=4 {
        orders.push(bookings.recv().await.context("no booking")?);
    }
    orders.sort_unstable();
    ensure!(orders == [1, 2, 3, 4], "booked: {orders:?}");
    worker.stop().await;
    app.shutdown().await;

    let mut gross = Vec::new();
    for line in fs::read_to_string(&archive)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        gross.push(line["value"]["gross"].as_f64().context("no number")?);
    }
    gross.sort_unstable_by(f64::total_cmp);
    ensure!(gross == [125.0, 250.0, 375.0, 500.0], "archived: {gross:?}");
    println!("4 orders were billed, archived and booked");
    Ok(())
}
