//! How much room a step takes on its page.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Kind, Node, Signature};

/// What every step takes.
const NODE: usize = 48;

/// Roughly how many bytes a step takes on its page.
pub(super) fn weight(node: &Node) -> usize {
    NODE + match &node.kind {
        Kind::Task { signature, .. } | Kind::Map { signature, .. } => of_signature(signature),
        Kind::Fork { names, .. } => of_names(names),
        Kind::Dag { roots, outputs, .. } => roots.len() * 5 + of_names(outputs),
        Kind::Stage { name, needs, feeds, .. } => name.len() + of_names(needs) + feeds.len() * 8,
        Kind::Switch { conditions, .. } => conditions.len() * NODE,
        Kind::Chain | Kind::Group { .. } | Kind::Loop { .. } => 0,
    }
}

fn of_names(names: &[String]) -> usize {
    names.iter().map(|name| name.len() + 4).sum()
}

fn of_signature(signature: &Signature) -> usize {
    let arguments = &signature.arguments;
    let args: usize = arguments.args.iter().map(of_value).sum();
    let kwargs: usize = arguments.kwargs.iter().map(|(name, v)| name.len() + of_value(v)).sum();
    let options = if signature.options.is_some() { 4 * NODE } else { 0 };
    let bindings = signature.bindings.len() * NODE;
    signature.task.as_str().len() + args + kwargs + options + bindings
}

fn of_value(value: &HeaderValue) -> usize {
    4 + match value {
        HeaderValue::Text(text) => text.len(),
        HeaderValue::Bytes(bytes) => bytes.len(),
        HeaderValue::List(values) => values.iter().map(of_value).sum(),
        HeaderValue::Map(values) => values.iter().map(|(name, v)| name.len() + of_value(v)).sum(),
        HeaderValue::Null | HeaderValue::Bool(_) => 0,
        HeaderValue::Int(_) | HeaderValue::Uint(_) | HeaderValue::Float(_) => 8,
    }
}
