//! Whether a condition holds, and what is at a path.

use std::cmp::Ordering;

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Comparison, Condition, JsonPath, Segment};

/// What is at the path, if anything.
#[must_use]
pub fn lookup<'a>(path: &JsonPath, value: &'a HeaderValue) -> Option<&'a HeaderValue> {
    path.segments().iter().try_fold(value, |value, segment| match (segment, value) {
        (Segment::Name(name), HeaderValue::Map(values)) => values.get(name),
        (Segment::Index(index), HeaderValue::List(values)) => values.get(*index),
        _ => None,
    })
}

/// Whether the condition holds of the value.
///
/// ```
/// use celeriac_core::workflow::{Comparison, Condition};
/// let above = Condition::Compare("$".parse()?, Comparison::Greater, 3_i64.into());
/// assert!(celeriac_engine::canvas::holds(&above, &4_i64.into()));
/// # Ok::<(), celeriac_core::workflow::PathError>(())
/// ```
#[must_use]
pub fn holds(condition: &Condition, value: &HeaderValue) -> bool {
    match condition {
        Condition::Compare(path, comparison, with) => {
            compare(lookup(path, value).unwrap_or(&HeaderValue::Null), *comparison, with)
        }
        Condition::Exists(path) => lookup(path, value).is_some(),
        Condition::All(all) => all.iter().all(|condition| holds(condition, value)),
        Condition::Any(any) => any.iter().any(|condition| holds(condition, value)),
        Condition::Not(condition) => !holds(condition, value),
    }
}

fn compare(left: &HeaderValue, comparison: Comparison, right: &HeaderValue) -> bool {
    let order = order(left, right);
    let equal = order.map_or_else(|| left == right, |order| order == Ordering::Equal);
    match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// The order of numbers and texts; whole numbers are compared exactly.
fn order(left: &HeaderValue, right: &HeaderValue) -> Option<Ordering> {
    use HeaderValue::{Float, Int, Text, Uint};
    match (left, right) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Uint(a), Uint(b)) => Some(a.cmp(b)),
        (Int(a), Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Uint(a), Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Text(a), Text(b)) => Some(a.cmp(b)),
        (Float(_), _) | (_, Float(_)) => float(left)?.partial_cmp(&float(right)?),
        _ => None,
    }
}

fn float(value: &HeaderValue) -> Option<f64> {
    match value {
        HeaderValue::Int(number) => Some(*number as f64),
        HeaderValue::Uint(number) => Some(*number as f64),
        HeaderValue::Float(number) => Some(*number),
        _ => None,
    }
}
