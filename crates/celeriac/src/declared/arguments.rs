//! The arguments of a step: values, and references such as `$.extract.files` to
//! what it needs.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Binding, JsonPath, Segment, Signature};

use super::Mistake;
use super::node::{At, Node, Value};

/// A place in what a step needs.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// As it was written: it begins with the id of a step.
    pub(super) written: JsonPath,
    /// Within what comes in: the result of one step, or a map of several.
    pub(super) within: JsonPath,
}

/// Whether a text is meant as a reference: `$$` at the beginning is a `$`.
fn is_reference(text: &str) -> bool {
    text.starts_with("$.") || text.starts_with("$[")
}

/// A node as a value in which nothing is a reference.
pub(super) fn literal(node: &Node) -> HeaderValue {
    match &node.value {
        Value::Plain(HeaderValue::Text(text)) if text.starts_with("$$") => {
            HeaderValue::Text(text[1..].to_owned())
        }
        Value::Plain(value) => value.clone(),
        Value::List(values) => HeaderValue::List(values.iter().map(literal).collect()),
        Value::Table(entries) => HeaderValue::Map(
            entries.iter().map(|entry| (entry.key.clone(), literal(&entry.node))).collect(),
        ),
    }
}

/// The reference that a text is, if it is one and a good one.
pub(super) fn reference(
    node: &Node,
    needs: &[(String, At)],
    mistakes: &mut Vec<Mistake>,
) -> Option<Reference> {
    let text = node.text().filter(|text| is_reference(text))?;
    match text.parse::<JsonPath>() {
        Ok(path) => refers(path, needs, node.at, mistakes),
        Err(error) => {
            mistakes.push(Mistake::new(node.at, error.to_string()));
            None
        }
    }
}

/// A path that begins with a needed step.
pub(super) fn refers(
    written: JsonPath,
    needs: &[(String, At)],
    at: At,
    mistakes: &mut Vec<Mistake>,
) -> Option<Reference> {
    let first = match written.segments().first() {
        Some(Segment::Name(name)) if needs.iter().any(|(id, _)| id == name) => name,
        _ => {
            let ids: Vec<_> = needs.iter().map(|(id, _)| format!("`$.{id}`")).collect();
            let message = match ids.as_slice() {
                [] => format!("{written} refers to nothing: this step has no `needs`"),
                ids => format!("{written} begins with no needed step; use {}", ids.join(" or ")),
            };
            mistakes.push(Mistake::new(at, message));
            return None;
        }
    };
    if needs.len() > 1 {
        let within = written.clone();
        return Some(Reference { written, within });
    }
    let whole = written.to_string();
    let quoted = format!("$['{first}']");
    let rest = whole.strip_prefix(&quoted).or_else(|| whole.strip_prefix(&format!("$.{first}")));
    let within = format!("${}", rest.unwrap_or_default()).parse().ok()?;
    Some(Reference { written, within })
}

/// Fills in the arguments of a step.
pub(super) fn arguments(
    node: Option<&Node>,
    needs: &[(String, At)],
    signature: &mut Signature,
    mistakes: &mut Vec<Mistake>,
) {
    let Some(node) = node else { return };
    match (&node.value, literal(node)) {
        (Value::List(items), HeaderValue::List(values)) => {
            signature.arguments.args = values;
            for (index, item) in items.iter().enumerate() {
                bind(item, &format!("$[{index}]"), needs, signature, mistakes);
            }
        }
        (Value::Table(entries), HeaderValue::Map(values)) => {
            signature.arguments.kwargs = values;
            for entry in entries {
                bind(&entry.node, &format!("$['{}']", entry.key), needs, signature, mistakes);
            }
        }
        _ => {
            let message = format!("`args` is {}; it must be a list or a table", node.kind());
            mistakes.push(Mistake::new(node.at, message));
        }
    }
}

/// Notes the references in an argument; `to` is the way to it.
fn bind(
    node: &Node,
    to: &str,
    needs: &[(String, At)],
    signature: &mut Signature,
    mistakes: &mut Vec<Mistake>,
) {
    match &node.value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                bind(item, &format!("{to}[{index}]"), needs, signature, mistakes);
            }
        }
        Value::Table(entries) => {
            for entry in entries {
                bind(&entry.node, &format!("{to}['{}']", entry.key), needs, signature, mistakes);
            }
        }
        Value::Plain(_) => {
            let Some(reference) = reference(node, needs, mistakes) else { return };
            match to.parse() {
                Ok(to) => signature.bindings.push(Binding { to, from: reference.within }),
                Err(error) => mistakes.push(Mistake::new(node.at, error.to_string())),
            }
        }
    }
}
