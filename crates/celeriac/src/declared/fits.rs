//! Whether a type, or a value in a file, is what is taken.

use celeriac_core::HeaderValue;

use super::Mistake;
use super::node::{Node, Value};
use super::reading::did_you_mean;
use super::value_type::{Object, Type};

/// Whether all that is given is taken; or why not.
pub(super) fn fits(given: &Type, taken: &Type) -> Result<(), String> {
    let differs = || Err(format!("{given} is given, but {taken} is taken"));
    match (given, taken) {
        (Type::Anything, _) | (_, Type::Anything) => Ok(()),
        (Type::OneOf(given), taken) => given.iter().try_for_each(|given| fits(given, taken)),
        (given, Type::OneOf(taken)) => {
            if taken.iter().any(|taken| fits(given, taken).is_ok()) {
                return Ok(());
            }
            // With one that is of the same kind, more can be said.
            let mut alike = taken.iter().filter(|taken| is_alike(given, taken));
            match (alike.next(), alike.next()) {
                (Some(only), None) => fits(given, only),
                _ => differs(),
            }
        }
        (Type::Null, Type::Null) | (Type::Bool, Type::Bool) => Ok(()),
        (Type::Integer(..), Type::Integer(..) | Type::Number) => Ok(()),
        (Type::Number, Type::Number) => Ok(()),
        (Type::Text(Some(given)), Type::Text(Some(taken))) => {
            if given.iter().any(|text| taken.contains(text)) { Ok(()) } else { differs() }
        }
        (Type::Text(_), Type::Text(_)) => Ok(()),
        (Type::List(given), Type::List(taken)) => {
            fits(given, taken).map_err(|why| format!("in the list, {why}"))
        }
        (Type::Tuple(given), Type::List(taken)) => {
            given.iter().try_for_each(|given| fits(given, taken))
        }
        (Type::List(given), Type::Tuple(taken)) => {
            taken.iter().try_for_each(|taken| fits(given, taken))
        }
        (Type::Tuple(given), Type::Tuple(taken)) if given.len() == taken.len() => {
            given.iter().zip(taken).try_for_each(|(given, taken)| fits(given, taken))
        }
        (Type::Object(given), Type::Object(taken)) => object_fits(given, taken),
        _ => differs(),
    }
}

fn is_alike(one: &Type, other: &Type) -> bool {
    matches!((one, other), (Type::Object(_), Type::Object(_)) | (Type::List(_), Type::List(_)))
}

fn object_fits(given: &Object, taken: &Object) -> Result<(), String> {
    for (name, field) in &taken.fields {
        match (given.fields.get(name), &given.others) {
            (Some(found), _) => {
                fits(&found.ty, &field.ty).map_err(|why| format!("in `{name}`, {why}"))?;
            }
            (None, None) if field.required && !field.ty.is_optional() => {
                return Err(format!("`{name}` is taken, but not given"));
            }
            _ => {}
        }
    }
    if let Some(others) = &taken.others {
        for (name, field) in &given.fields {
            if !taken.fields.contains_key(name) {
                fits(&field.ty, others).map_err(|why| format!("in `{name}`, {why}"))?;
            }
        }
    }
    Ok(())
}

/// What is wrong with a value, at its place; `reference` says the type of a
/// text that stands for something else.
pub(super) fn value_fits(
    node: &Node,
    taken: &Type,
    reference: &mut dyn FnMut(&Node) -> Option<Result<Type, String>>,
    mistakes: &mut Vec<Mistake>,
) {
    if let Some(given) = reference(node) {
        let given = given.and_then(|given| fits(&given, taken));
        if let (Err(why), Some(text)) = (given, node.text()) {
            mistakes.push(Mistake::new(node.at, format!("{text}: {why}")));
        }
        return;
    }
    match (taken, &node.value) {
        (Type::Anything, _) => inside(node, reference, mistakes),
        (Type::OneOf(types), _) => any_fits(node, taken, types, reference, mistakes),
        (Type::List(item), Value::List(items)) => {
            items.iter().for_each(|node| value_fits(node, item, reference, mistakes));
        }
        (Type::Tuple(types), Value::List(items)) if types.len() == items.len() => {
            for (node, ty) in items.iter().zip(types) {
                value_fits(node, ty, reference, mistakes);
            }
        }
        (Type::Object(object), Value::Table(_)) => {
            table_fits(node, object, reference, mistakes);
        }
        (_, Value::Plain(value)) if plain_fits(value, taken) => {}
        (Type::Text(Some(known)), Value::Plain(HeaderValue::Text(text))) => {
            let hint = did_you_mean(text, known.iter().map(String::as_str));
            let message = format!("\"{text}\" is not taken, but {taken}{hint}");
            mistakes.push(Mistake::new(node.at, message));
        }
        (Type::Integer(least, most), Value::Plain(HeaderValue::Int(number))) => {
            let least = least.is_finite().then(|| format!("at least {least}"));
            let most = most.is_finite().then(|| format!("at most {most}"));
            let bounds: Vec<_> = least.into_iter().chain(most).collect();
            let message = format!("{number} is not taken; it must be {}", bounds.join(" and "));
            mistakes.push(Mistake::new(node.at, message));
        }
        _ => {
            let message = format!("this is {}; it must be {taken}", node.kind());
            mistakes.push(Mistake::new(node.at, message));
        }
    }
}

/// Looks at the references in what may be anything.
fn inside(
    node: &Node,
    reference: &mut dyn FnMut(&Node) -> Option<Result<Type, String>>,
    mistakes: &mut Vec<Mistake>,
) {
    match &node.value {
        Value::Plain(_) => {}
        Value::List(items) => {
            items.iter().for_each(|node| value_fits(node, &Type::Anything, reference, mistakes));
        }
        Value::Table(entries) => entries
            .iter()
            .for_each(|entry| value_fits(&entry.node, &Type::Anything, reference, mistakes)),
    }
}

fn any_fits(
    node: &Node,
    taken: &Type,
    types: &[Type],
    reference: &mut dyn FnMut(&Node) -> Option<Result<Type, String>>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut best: Option<Vec<Mistake>> = None;
    let kind = |ty: &Type| match node.value {
        Value::Plain(_) => matches!(ty, Type::Text(_) | Type::Integer(..)),
        Value::List(_) => matches!(ty, Type::List(_) | Type::Tuple(_)),
        Value::Table(_) => matches!(ty, Type::Object(_)),
    };
    for ty in types {
        let mut found = Vec::new();
        value_fits(node, ty, reference, &mut found);
        if found.is_empty() {
            return;
        }
        // With one that is of the same kind, more can be said.
        if kind(ty) && types.iter().filter(|ty| kind(ty)).count() == 1 {
            best = Some(found);
        }
    }
    let all = || {
        let shown = match &node.value {
            Value::Plain(HeaderValue::Text(text)) => format!("\"{text}\""),
            _ => node.kind().to_owned(),
        };
        vec![Mistake::new(node.at, format!("this is {shown}; it must be {taken}"))]
    };
    mistakes.extend(best.unwrap_or_else(all));
}

fn plain_fits(value: &HeaderValue, taken: &Type) -> bool {
    match (value, taken) {
        (HeaderValue::Null, Type::Null) | (HeaderValue::Bool(_), Type::Bool) => true,
        (HeaderValue::Int(number), Type::Integer(least, most)) => {
            (*least..=*most).contains(&(*number as f64))
        }
        (HeaderValue::Uint(number), Type::Integer(_, most)) => *number as f64 <= *most,
        (HeaderValue::Int(_) | HeaderValue::Uint(_) | HeaderValue::Float(_), Type::Number) => true,
        (HeaderValue::Text(_), Type::Text(None)) => true,
        (HeaderValue::Text(text), Type::Text(Some(known))) => known.contains(text),
        _ => false,
    }
}

fn table_fits(
    node: &Node,
    object: &Object,
    reference: &mut dyn FnMut(&Node) -> Option<Result<Type, String>>,
    mistakes: &mut Vec<Mistake>,
) {
    let Value::Table(entries) = &node.value else { return };
    for entry in entries {
        let field = object.fields.get(&entry.key).map(|field| &field.ty);
        match field.or(object.others.as_deref()) {
            Some(ty) => value_fits(&entry.node, ty, reference, mistakes),
            None => {
                let hint = did_you_mean(&entry.key, object.fields.keys().map(String::as_str));
                let message = format!("unknown field `{}`{hint}", entry.key);
                mistakes.push(Mistake::new(entry.at, message));
            }
        }
    }
    for (name, field) in &object.fields {
        if field.required && !entries.iter().any(|entry| entry.key == *name) {
            mistakes.push(Mistake::new(node.at, format!("the field `{name}` is missing")));
        }
    }
}
