//! What a workflow has come to, beside what it must have come to. Used by the
//! simulation and by the crash tests.

use celeriac_core::workflow::{End, Record, Reference, StepError, Value};
use celeriac_core::{HeaderValue, Store, body};
use celeriac_engine::canvas::{Resolver, Wanted};
use celeriac_testkit::canvas::{Ended, Fault, KIND, normal};

/// What is wrong with the end of a workflow, if anything is.
pub(crate) async fn compare(
    store: &dyn Store,
    record: &Record,
    expected: &Ended,
) -> Option<String> {
    match (&record.end, expected) {
        (Some(End::Success(value)), Ok(expected)) => {
            let value = match value {
                Some(value) => Some(normal(&read(store, value).await)),
                None => None,
            };
            let expected = expected.as_ref().map(normal);
            (value != expected).then(|| format!("the result is {value:?}, not {expected:?}"))
        }
        (Some(End::Failure(error)), Err(expected)) => {
            let found = fault(error);
            (found != *expected).then(|| format!("the error is {found:?}, not {expected:?}"))
        }
        (end, expected) => Some(format!("it ended with {end:?}, not {expected:?}")),
    }
}

fn fault(error: &StepError) -> Fault {
    let is_ours = error.failure.kind == KIND;
    Fault {
        task: error.task.as_str().to_owned(),
        kind: error.failure.kind.clone(),
        message: if is_ours { error.failure.message.clone() } else { String::new() },
        path: error.path.clone(),
    }
}

/// A value, with what it refers to.
async fn read(store: &dyn Store, value: &Value) -> HeaderValue {
    let resolved = match value {
        Value::Joined(reference) => resolve(store, reference.clone()).await,
        inline => inline.clone(),
    };
    match resolved {
        Value::Inline(content_type, bytes) => body::decode(&content_type, &bytes).unwrap(),
        Value::Joined(_) => unreachable!("resolved"),
    }
}

async fn resolve(store: &dyn Store, reference: Reference) -> Value {
    let mut resolver = Resolver::new(reference);
    while let Some(Wanted { workflow, join, from, max }) = resolver.wanted() {
        let members = store.members(workflow, join, from, max).await.unwrap();
        resolver.give(members).unwrap();
    }
    resolver.into_value().expect("a value")
}
