//! Whether a condition holds: said once more than in the engine, so that the
//! interpreter does not share its mistakes. Numbers here are small integers.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Comparison, Condition, JsonPath, Segment};

pub(super) fn lookup<'a>(path: &JsonPath, value: &'a HeaderValue) -> Option<&'a HeaderValue> {
    let mut found = value;
    for segment in path.segments() {
        found = match (found, segment) {
            (HeaderValue::Map(map), Segment::Name(name)) => map.get(name)?,
            (HeaderValue::List(list), Segment::Index(index)) => list.get(*index)?,
            _ => return None,
        };
    }
    Some(found)
}

pub(super) fn holds(condition: &Condition, value: &HeaderValue) -> bool {
    match condition {
        Condition::Exists(path) => lookup(path, value).is_some(),
        Condition::Not(inner) => !holds(inner, value),
        Condition::Any(any) => any.iter().any(|one| holds(one, value)),
        Condition::All(all) => all.iter().all(|one| holds(one, value)),
        Condition::Compare(path, comparison, right) => {
            let left = lookup(path, value).unwrap_or(&HeaderValue::Null);
            match (integer(left), integer(right)) {
                (Some(left), Some(right)) => match comparison {
                    Comparison::Equal => left == right,
                    Comparison::NotEqual => left != right,
                    Comparison::Less => left < right,
                    Comparison::LessOrEqual => left <= right,
                    Comparison::Greater => left > right,
                    Comparison::GreaterOrEqual => left >= right,
                },
                // What can't be ordered is at most equal.
                _ => match comparison {
                    Comparison::Equal => left == right,
                    Comparison::NotEqual => left != right,
                    _ => false,
                },
            }
        }
    }
}

fn integer(value: &HeaderValue) -> Option<i128> {
    match value {
        HeaderValue::Int(number) => Some(i128::from(*number)),
        HeaderValue::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}
