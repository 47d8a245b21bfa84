//! What was declared, as a tree of values that know where they stand: the one
//! model of TOML, YAML and `workflow!`.

use std::fmt;

use celeriac_core::HeaderValue;

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

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text, a number, yes or no, nothing.
    Plain(HeaderValue),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) node: Node,
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

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(HeaderValue::Text(text)) => Some(text),
            _ => None,
        }
    }
}
