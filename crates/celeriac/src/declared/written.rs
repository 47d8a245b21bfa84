//! What `workflow!` expands to: documents that are written in a program. Their
//! places are those of the source file.

use celeriac_core::HeaderValue;
use serde::{Deserialize as _, Serialize};

use super::Mistake;
use super::document::Document;
use super::node::{At, Entry, Node, Value};

/// A value on its way into a document.
#[derive(Debug)]
pub struct Part(Result<Node, Mistake>);

const fn at(line: usize, column: usize) -> At {
    At { line, column }
}

/// The document of one workflow.
pub fn document(file: &str, name: &str, place: (usize, usize), workflow: Part) -> Document {
    let place = at(place.0, place.1);
    let table = |key: &str, node| {
        let entries = vec![Entry { key: key.to_owned(), at: place, node }];
        Node { at: place, value: Value::Table(entries) }
    };
    let root = workflow.0.map(|workflow| table("workflow", table(name, workflow)));
    Document { file: file.into(), root }
}

/// A table.
pub fn table(line: usize, column: usize, entries: Vec<(&str, (usize, usize), Part)>) -> Part {
    let mut all = Vec::with_capacity(entries.len());
    for (key, place, Part(node)) in entries {
        match node {
            Ok(node) => all.push(Entry { key: key.to_owned(), at: at(place.0, place.1), node }),
            Err(mistake) => return Part(Err(mistake)),
        }
    }
    Part(Ok(Node { at: at(line, column), value: Value::Table(all) }))
}

/// A list.
pub fn list(line: usize, column: usize, items: Vec<Part>) -> Part {
    let items = items.into_iter().map(|Part(node)| node).collect::<Result<_, _>>();
    Part(items.map(|items| Node { at: at(line, column), value: Value::List(items) }))
}

/// A text with a meaning: an id, a policy, a reference.
pub fn text(line: usize, column: usize, text: &str) -> Part {
    Part(Ok(Node { at: at(line, column), value: Value::Plain(text.into()) }))
}

/// A value of the program.
pub fn value<T: Serialize + ?Sized>(line: usize, column: usize, value: &T) -> Part {
    let place = at(line, column);
    let data = serde_json::to_value(value).and_then(HeaderValue::deserialize);
    Part(match data {
        Ok(data) => Ok(node(place, data)),
        Err(error) => Err(Mistake::new(place, format!("this value has no JSON form: {error}"))),
    })
}

fn node(at: At, data: HeaderValue) -> Node {
    let value = match data {
        HeaderValue::List(items) => {
            Value::List(items.into_iter().map(|item| node(at, item)).collect())
        }
        HeaderValue::Map(entries) => {
            let entry = |(key, data)| Entry { key, at, node: node(at, data) };
            Value::Table(entries.into_iter().map(entry).collect())
        }
        // It is a text, whatever it looks like.
        HeaderValue::Text(text) if text.starts_with('$') => {
            Value::Plain(HeaderValue::Text(format!("${text}")))
        }
        data => Value::Plain(data),
    };
    Node { at, value }
}
