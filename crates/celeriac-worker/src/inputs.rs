//! Inputs of workflow steps: results that were too large for a message are read
//! from the store, and put in front of the arguments.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::arguments::Arguments;
use celeriac_core::platform::RunResult;
use celeriac_core::workflow::{Reference, Value};
use celeriac_core::{Failure, Message, Store, body};
use celeriac_engine::canvas::{Resolver, Wanted};

/// How often a store that fails is asked again, and how long after.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Whether something must be read before the message can be run.
pub(crate) fn is_needed(message: &Message) -> bool {
    message.rare().workflow.as_ref().is_some_and(|place| place.input.is_some())
}

/// The message with what it refers to in front of its arguments; or how its
/// run has ended, if that can't be had. Cancel-safe.
pub(crate) async fn complete(
    store: &dyn Store,
    message: &Message,
) -> Result<Arc<Message>, RunResult> {
    let place = message.rare().workflow.as_ref();
    let Some(reference) = place.and_then(|place| place.input.clone()) else {
        return Ok(Arc::new(message.clone()));
    };
    let value = read(store, reference).await?;
    let Value::Inline(content_type, bytes) = &value else {
        return Err(gone("a reference refers to another"));
    };
    let undecodable = |reason: String| RunResult::Undecodable {
        failure: Failure::new("undecodable_arguments", reason),
    };
    let arguments: Arguments = body::decode(&message.content_type, &message.body)
        .map_err(|error| undecodable(error.to_string()))?;
    let (content_type, bytes) = arguments
        .body(Some((content_type, bytes)))
        .map_err(|error| undecodable(error.to_string()))?;
    let mut complete = message.clone();
    (complete.content_type, complete.body) = (content_type, bytes);
    if let Some(place) = &mut complete.rare_mut().workflow {
        place.input = None;
    }
    Ok(complete.into())
}

async fn read(store: &dyn Store, reference: Reference) -> Result<Value, RunResult> {
    let mut resolver = Resolver::new(reference);
    let mut failures = 0;
    while let Some(Wanted { workflow, join, from, max }) = resolver.wanted() {
        match store.members(workflow, join, from, max).await {
            Ok(members) => resolver.give(members).map_err(|error| gone(&error.to_string()))?,
            Err(error) if failures < PATIENCE => {
                failures += 1;
                tracing::warn!(%workflow, %error, "the results of a group are read again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                let failure = Failure::new("input", format!("failed to {error}"));
                return Err(RunResult::Failed { failure, retry_after: None });
            }
        }
    }
    resolver.into_value().ok_or_else(|| gone("it has no value"))
}

fn gone(reason: &str) -> RunResult {
    let text = format!("the result of the step before can't be read: {reason}");
    RunResult::Final { failure: Failure::new("input", text) }
}
