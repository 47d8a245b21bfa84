//! Sinks and sources beside what the servers' clients do by hand, in one table.
//! `cargo xtask bench edges` builds and runs it.
//!
//! Each kind of server is a private one, and batches as the router gives them.

mod bare;
mod load;
mod ours;

use anyhow::{Context, Result};
use celeriac_core::sink::DEFAULT_BATCH;
use celeriac_testkit::server::{Kind, Server};
use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use crate::load::{Load, Rate};

/// Sinks and sources beside what the servers' clients do by hand.
#[derive(Parser)]
struct Arguments {
    /// How many documents each is given
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    documents: usize,
    /// How many documents are written or read at once
    #[arg(long, value_name = "N", default_value_t = DEFAULT_BATCH)]
    batch: usize,
    /// Print the rates as JSON
    #[arg(long)]
    json: bool,
}

/// What is measured, and its rate beside that of the client by hand.
struct Row {
    edge: &'static str,
    by_hand: &'static str,
    ours: Rate,
    bare: Rate,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load::new(arguments.documents, arguments.batch);
    let [table, source] = postgres(&load).await?;
    let rows = [redis(&load).await?, nats(&load).await?, table, source];
    if arguments.json {
        let rate = |row: &Row| {
            let (ours, bare) = (row.ours, row.bare);
            json!({ "edge": row.edge, "documents_per_s": ours, "by_hand_per_s": bare })
        };
        println!("{:#}", json!(rows.iter().map(rate).collect::<Vec<_>>()));
    } else {
        print(&rows, &load);
    }
    Ok(())
}

fn start(kind: Kind) -> Result<Server> {
    Server::start(kind, &[]).with_context(|| format!("{kind:?} is not installed"))
}

async fn redis(load: &Load) -> Result<Row> {
    let server = start(Kind::Redis)?;
    let address = server.address();
    let sink = celeriac_redis::Sink::new(address.as_str(), "ours")?;
    let (ours, bare) = (ours::write(sink, load).await?, bare::xadd(&address, load).await?);
    Ok(Row { edge: "sink: Redis stream", by_hand: "XADD, pipelined, no ids", ours, bare })
}

async fn nats(load: &Load) -> Result<Row> {
    let server = start(Kind::Nats)?;
    let address = server.address();
    let sink = celeriac_nats::Sink::new(address.as_str(), "ours.documents")?;
    let (ours, bare) = (ours::write(sink, load).await?, bare::publish(&address, load).await?);
    Ok(Row {
        edge: "sink: JetStream subject",
        by_hand: "publish, acks awaited, no ids",
        ours,
        bare,
    })
}

/// The source reads what was written by hand.
async fn postgres(load: &Load) -> Result<[Row; 2]> {
    let server = start(Kind::Postgres)?;
    let address = server.address();
    let sink = celeriac_postgres::Sink::new(address.as_str(), "ours")?;
    let (ours, bare) = (ours::write(sink, load).await?, bare::insert(&address, load).await?);
    let table = Row { edge: "sink: PostgreSQL table", by_hand: "INSERT from arrays", ours, bare };
    let source = celeriac_postgres::Source::table(address.as_str(), bare::TABLE, bare::KEY)?;
    let (ours, bare) = (ours::read(source, load).await?, bare::select(&address, load).await?);
    let (edge, by_hand) = ("source: PostgreSQL table", "SELECT above the last key");
    Ok([table, Row { edge, by_hand, ours, bare }])
}

fn print(rows: &[Row], load: &Load) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["edge", "documents /s", "by hand", "by hand /s", "ratio"]);
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row([
            row.edge.to_owned(),
            format!("{:.0}", row.ours),
            row.by_hand.to_owned(),
            format!("{:.0}", row.bare),
            format!("{:.2}", row.ours / row.bare),
        ]);
    }
    println!("{table}");
    println!("{load}");
}
