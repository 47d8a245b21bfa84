//! TOML as a tree of values that know where they stand.

use celeriac_core::HeaderValue;
use toml::de::{DeTable, DeValue};

use super::Mistake;
use super::node::{At, Entry, Node, Value};

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    begins: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let begins = std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).collect();
        Self { text, begins }
    }

    /// The place of a byte.
    fn place(&self, byte: usize) -> At {
        let line = self.begins.partition_point(|begin| *begin <= byte);
        let begin = self.begins.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(begin..byte).unwrap_or_default();
        At { line, column: before.chars().count() + 1 }
    }
}

pub(super) fn read(text: &str) -> Result<Node, Mistake> {
    let lines = Lines::new(text);
    match DeTable::parse(text) {
        Ok(table) => {
            let at = lines.place(table.span().start);
            Ok(Node { at, value: of_table(&lines, table.get_ref()) })
        }
        Err(error) => {
            let at = lines.place(error.span().map_or(0, |span| span.start));
            Err(Mistake::new(at, error.message().trim()))
        }
    }
}

fn of_table(lines: &Lines<'_>, table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let at = lines.place(value.span().start);
        let node = Node { at, value: of_value(lines, value.get_ref()) };
        Entry { key: key.get_ref().to_string(), at: lines.place(key.span().start), node }
    });
    let mut entries: Vec<_> = entries.collect();
    // As they stand in the file.
    entries.sort_by_key(|entry| entry.at);
    Value::Table(entries)
}

fn of_value(lines: &Lines<'_>, value: &DeValue<'_>) -> Value {
    Value::Plain(match value {
        DeValue::Table(table) => return of_table(lines, table),
        DeValue::Array(array) => {
            let nodes = array.iter().map(|value| Node {
                at: lines.place(value.span().start),
                value: of_value(lines, value.get_ref()),
            });
            return Value::List(nodes.collect());
        }
        DeValue::String(text) => HeaderValue::Text(text.to_string()),
        DeValue::Boolean(value) => HeaderValue::Bool(*value),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => HeaderValue::Int(value),
            Err(_) => HeaderValue::Text(integer.as_str().to_owned()),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(value) => HeaderValue::Float(value),
            Err(_) => HeaderValue::Text(float.as_str().to_owned()),
        },
        DeValue::Datetime(time) => HeaderValue::Text(time.to_string()),
    })
}
