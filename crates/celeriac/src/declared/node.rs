//! A file as a tree of values that know where they stand.

use std::fmt;

use celeriac_core::HeaderValue;
use toml::de::{DeTable, DeValue};

use super::Mistake;

/// A place in a file, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: usize,
    /// In characters.
    pub(super) column: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The place of a byte.
fn place(text: &str, byte: usize) -> At {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    At { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text, a number, yes or no.
    Plain(HeaderValue),
    List(Vec<Node>),
    Table(Vec<(String, At, Node)>),
}

impl Node {
    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Plain(HeaderValue::Text(_)) => "a text",
            Value::Plain(HeaderValue::Bool(_)) => "true or false",
            Value::Plain(HeaderValue::Null) => "nothing",
            Value::Plain(_) => "a number",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as an argument.
    pub(super) fn data(&self) -> HeaderValue {
        match &self.value {
            Value::Plain(value) => value.clone(),
            Value::List(values) => HeaderValue::List(values.iter().map(Self::data).collect()),
            Value::Table(values) => HeaderValue::Map(
                values.iter().map(|(name, _, value)| (name.clone(), value.data())).collect(),
            ),
        }
    }
}

/// Reads TOML.
pub(super) fn toml(text: &str) -> Result<Node, Mistake> {
    match DeTable::parse(text) {
        Ok(table) => {
            let at = place(text, table.span().start);
            Ok(Node { at, value: of_table(text, table.get_ref()) })
        }
        Err(error) => {
            let at = place(text, error.span().map_or(0, |span| span.start));
            Err(Mistake::new(at, error.message().trim()))
        }
    }
}

fn of_table(text: &str, table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let name = key.get_ref().to_string();
        let at = place(text, value.span().start);
        let node = Node { at, value: of_value(text, value.get_ref()) };
        (name, place(text, key.span().start), node)
    });
    let mut entries: Vec<_> = entries.collect();
    // As they stand in the file.
    entries.sort_by_key(|(_, at, _)| *at);
    Value::Table(entries)
}

fn of_value(text: &str, value: &DeValue<'_>) -> Value {
    Value::Plain(match value {
        DeValue::Table(table) => return of_table(text, table),
        DeValue::Array(array) => {
            let nodes = array.iter().map(|value| Node {
                at: place(text, value.span().start),
                value: of_value(text, value.get_ref()),
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
