//! What commands print: text and tables for people, JSON for programs.
//! Answers go to stdout, problems and progress to stderr.

use std::io::{self, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Grid};
use serde::Serialize;

use crate::problem::{Problem, Result};

/// The longest text in a cell; the rest is cut off. `--json` shows all.
const MAX_CELL_CHARS: usize = 72;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Text and tables.
    Person,
    /// JSON, with keys that stay.
    Program,
}

/// An answer, in both of its forms. Its JSON form is its `Serialize`.
pub(crate) trait View: Serialize {
    /// The form for people; ends without a line break.
    fn text(&self) -> String;
}

/// Prints answers and problems of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    reader: Reader,
}

impl Output {
    pub(crate) const fn new(reader: Reader) -> Self {
        Self { reader }
    }

    pub(crate) const fn reader(&self) -> Reader {
        self.reader
    }

    /// Prints an answer to stdout.
    pub(crate) fn show(&self, view: &impl View) -> Result<()> {
        match self.reader {
            Reader::Person => self.line(&view.text()),
            Reader::Program => {
                let json = serde_json::to_string(view).map_err(Problem::failure)?;
                self.line(&json)
            }
        }
    }

    /// Prints a line to stdout.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        self.put(text).map(drop)
    }

    /// As [`Self::line`]; says whether anybody reads on.
    pub(crate) fn put(&self, text: &str) -> Result<bool> {
        let mut stdout = io::stdout().lock();
        said(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
    }

    /// Writes to stdout without a line break; says whether anybody reads on.
    pub(crate) fn write(&self, text: &str) -> Result<bool> {
        said(write!(io::stdout().lock(), "{text}").and_then(|()| io::stdout().flush()))
    }

    /// Prints a remark to stderr, for people only.
    pub(crate) fn note(&self, text: &str) {
        if self.reader == Reader::Person {
            to_stderr(text);
        }
    }

    /// Prints a problem to stderr.
    pub(crate) fn problem(&self, problem: &Problem) {
        match (self.reader, serde_json::to_string(problem)) {
            (Reader::Program, Ok(json)) => to_stderr(&json),
            (Reader::Person, _) | (_, Err(_)) => {
                let label = paint("1;31", "error:");
                to_stderr(&format!("{label} {}", problem.message()));
                if let Some(next) = problem.next_step() {
                    to_stderr(&format!("  {} {next}", paint("36", "next:")));
                }
            }
        }
    }
}

/// Whether anybody reads on.
fn said(written: io::Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        // Who read the answer has read enough, as in `celeriac … | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Problem::failure(format!("failed to print: {error}"))),
    }
}

fn paint(code: &str, text: &str) -> String {
    if stderr_has_colours() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn to_stderr(text: &str) {
    // Nobody is left to be told that stderr is closed.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Whether stderr shows colours: on a terminal, unless `NO_COLOR` is set.
pub(crate) fn stderr_has_colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !refused
}

/// A table for people: aligned columns under upper-case heads.
pub(crate) struct Table(Grid);

impl Table {
    pub(crate) fn new<'a>(heads: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grid = Grid::new();
        grid.load_style(NOTHING);
        grid.set_header(heads);
        Self(grid)
    }

    /// Aligns columns at the right, as numbers are.
    pub(crate) fn numbers<const N: usize>(mut self, columns: [usize; N]) -> Self {
        for column in columns {
            if let Some(column) = self.0.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells.into_iter().map(|cell| shortened(&cell)));
    }

    /// The table, or a sentence when it has no rows.
    pub(crate) fn or(mut self, nothing: &str) -> String {
        if self.0.is_empty() {
            return nothing.to_owned();
        }
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        self.0.trim_fmt()
    }
}

/// One line of at most [`MAX_CELL_CHARS`] characters.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_CELL_CHARS {
        return line;
    }
    let kept: String = line.chars().take(MAX_CELL_CHARS - 1).collect();
    format!("{kept}…")
}

/// Lines of a key and a value each, the values under each other.
pub(crate) fn pairs<'a>(pairs: impl AsRef<[(&'a str, String)]>) -> String {
    let pairs = pairs.as_ref();
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines = pairs.iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<_> = lines.map(|(key, value)| format!("{key:<width$}  {value}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let mut table = Table::new(["QUEUE", "READY"]).numbers([1]);
        table.row(["default".to_owned(), "7".to_owned()]);
        table.row(["mail".to_owned(), "1200".to_owned()]);
        assert_eq!(table.or(""), "QUEUE    READY\ndefault      7\nmail      1200");
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        assert_eq!(Table::new(["ID"]).or("Nothing waits."), "Nothing waits.");
    }

    #[test]
    fn long_and_broken_cells_become_one_short_line() {
        assert_eq!(shortened("a\n  b"), "a b");
        assert_eq!(shortened(&"x".repeat(100)).chars().count(), MAX_CELL_CHARS);
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        let text = pairs([("id", "1".to_owned()), ("progress", String::new())]);
        assert_eq!(text, "id        1");
    }
}
