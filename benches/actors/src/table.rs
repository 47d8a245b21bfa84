//! The table for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::figure::Figure;
use crate::frameworks::Name;
use crate::rounds::Results;

pub fn print(results: &Results) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let frameworks = results.frameworks.iter().map(|framework| framework.title().to_owned());
    let title = format!("medians of {}", results.size.rounds());
    table.set_header([title].into_iter().chain(frameworks).chain(["reached / goal".to_owned()]));
    for figure in results.figures() {
        let mut row = vec![figure.title().to_owned()];
        row.extend(results.frameworks.iter().map(|&framework| cell(results, framework, figure)));
        row.push(goal(results, figure));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!("Two figures: median, and after the slash the least. Goals are ratios to tokio mpsc;");
    println!("bytes and MiB are goals in themselves. Actix runs on one thread, the others on two.");
}

fn cell(results: &Results, framework: Name, figure: Figure) -> String {
    let Some(median) = results.median(framework, figure) else {
        return "–".to_owned();
    };
    match results.least(framework, figure).filter(|_| figure.is_bimodal()) {
        Some(least) => format!("{} / {}", number(median), number(least)),
        None => number(median),
    }
}

fn goal(results: &Results, figure: Figure) -> String {
    let Some((reached, goal, met)) = results.reached(figure) else {
        return String::new();
    };
    let met = if met { "met" } else { "NOT met" };
    format!("{} / {} {met}", number(reached), number(goal))
}

fn number(value: f64) -> String {
    if value >= 20.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
