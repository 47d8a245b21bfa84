//! Arguments that are taken from what comes into a step.

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{Binding, JsonPath, Segment, Signature};

use super::condition::lookup;

/// The signature with its bindings filled in from what comes in; or why not.
pub(super) fn bound(signature: &Signature, input: &HeaderValue) -> Result<Signature, String> {
    let mut filled = signature.clone();
    for Binding { to, from } in std::mem::take(&mut filled.bindings) {
        let value = lookup(&from, input)
            .ok_or_else(|| format!("nothing is at {from} of what comes in, for {to}"))?;
        let place = place(&mut filled, &to).ok_or_else(|| format!("there is no argument {to}"))?;
        *place = value.clone();
    }
    Ok(filled)
}

/// The place in the arguments that a binding fills.
fn place<'a>(signature: &'a mut Signature, to: &JsonPath) -> Option<&'a mut HeaderValue> {
    let (first, rest) = to.segments().split_first()?;
    let argument = match first {
        Segment::Index(index) => signature.arguments.args.get_mut(*index)?,
        Segment::Name(name) => signature.arguments.kwargs.get_mut(name)?,
    };
    rest.iter().try_fold(argument, |value, segment| match (segment, value) {
        (Segment::Name(name), HeaderValue::Map(values)) => values.get_mut(name),
        (Segment::Index(index), HeaderValue::List(values)) => values.get_mut(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> JsonPath {
        text.parse().unwrap()
    }

    #[test]
    fn arguments_are_filled_in_where_they_belong() {
        let input = HeaderValue::Map([("n".to_owned(), 7_i64.into())].into());
        let signature = Signature::new("t")
            .argument(HeaderValue::Null)
            .argument(vec![HeaderValue::Null, 1_i64.into()])
            .bind(path("$[0]"), path("$.n"))
            .bind(path("$[1][0]"), path("$"));
        let filled = bound(&signature, &input).unwrap();
        assert_eq!(filled.arguments.args, [7_i64.into(), vec![input.clone(), 1_i64.into()].into()]);
        assert!(filled.bindings.is_empty());
        for (to, from, expected) in [("$[0]", "$.m", "nothing is at $.m"), ("$[9]", "$", "$[9]")] {
            let signature = Signature::new("t").argument(1_i64).bind(path(to), path(from));
            let error = bound(&signature, &input).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
