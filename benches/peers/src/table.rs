//! The table: every figure, and how many times slower than Celeriac on the same
//! server each system is worked off.

use comfy_table::{CellAlignment, Table, presets};

use crate::figures::Row;

/// Prints the table to stdout, as Markdown.
pub fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "system",
        "server",
        "per task",
        "one by one /s",
        "64 callers /s",
        "bulk /s",
        "drained /s",
        "celeriac : it",
        "CPU s per 10k (server)",
        "send→start p50 / p99 ms",
        "chord of 1,000 ms",
        "chain of 200 ms",
    ]);
    for column in 3..12 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row(cells(row, rows));
    }
    println!("{table}");
    for row in rows {
        if let Some(note) = &row.note {
            println!("* {}: {note}; its rate is that of `docs/performance.md`", row.name);
        }
    }
}

fn cells(row: &Row, rows: &[Row]) -> Vec<String> {
    let figures = &row.figures;
    let whole = |number: Option<f64>| number.map_or("-".to_owned(), thousands);
    let ours = rows.iter().find(|ours| ours.name == "celeriac" && ours.server == row.server);
    let ours = ours.and_then(|ours| ours.figures.drained_per_s);
    let ratio = ours.zip(figures.drained_per_s).map(|(ours, its)| ours / its);
    let cpu = figures.cpu_s_per_10k.map_or("-".to_owned(), |cpu| {
        let server = figures.server_cpu_s_per_10k;
        format!("{cpu:.2}{}", server.map_or(String::new(), |server| format!(" ({server:.2})")))
    });
    let latency = figures.latency_p50_us.zip(figures.latency_p99_us);
    let star = if row.note.is_some() { "*" } else { "" };
    vec![
        format!("{}{star}", row.name),
        row.server.to_owned(),
        row.promise.to_owned(),
        whole(figures.one_by_one_per_s),
        whole(figures.callers_per_s),
        whole(figures.bulk_per_s),
        format!("{}{star}", whole(figures.drained_per_s)),
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        cpu,
        latency.map_or("-".to_owned(), |(p50, p99)| {
            format!("{:.2} / {:.2}", p50 / 1000.0, p99 / 1000.0)
        }),
        figures.chord_1000_ms.map_or("-".to_owned(), |ms| format!("{ms:.0}")),
        figures.chain_200_ms.map_or("-".to_owned(), |ms| format!("{ms:.0}")),
    ]
}

/// A whole number with a comma before every three digits.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
