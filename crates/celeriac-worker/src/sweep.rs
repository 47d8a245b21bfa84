//! Sweeps: one command that runs its task once for each item of a list.

use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::arguments::Arguments;
use celeriac_core::platform::RunResult;
use celeriac_core::workflow::{Each, Form, Member, Value};
use celeriac_core::{BoxFuture, ContentType, Failure, HeaderValue, Message, body};
use celeriac_engine::canvas::assemble;

use crate::context::RunContext;
use crate::definition::{AsyncBody, SyncBody};

/// How the task of a message is run over a list, if it is.
pub(crate) fn each(message: &Message) -> Option<Each> {
    message.rare().workflow.as_ref()?.each
}

/// Runs an async task once, or for each item.
pub(crate) fn start(body: &Arc<AsyncBody>, context: RunContext) -> BoxFuture<'static, RunResult> {
    match each(context.message()) {
        None => body(context),
        Some(each) => Box::pin(sweep(body.clone(), context, each)),
    }
}

async fn sweep(body: Arc<AsyncBody>, context: RunContext, each: Each) -> RunResult {
    let items = match Items::of(context.message(), each) {
        Ok(items) => items,
        Err(undecodable) => return undecodable,
    };
    let mut results = Vec::new();
    for item in items.items {
        let message = match one(context.message(), each, item, &items.rest) {
            Ok(message) => message,
            Err(undecodable) => return undecodable,
        };
        if let Some(end) = add(&mut results, body(context.of(message)).await) {
            return end;
        }
    }
    list(&results)
}

/// As [`start`], for a sync task.
pub(crate) fn run(body: &Arc<SyncBody>, context: RunContext) -> RunResult {
    let Some(each) = each(context.message()) else { return body(context) };
    let items = match Items::of(context.message(), each) {
        Ok(items) => items,
        Err(undecodable) => return undecodable,
    };
    let mut results = Vec::new();
    for item in items.items {
        let message = match one(context.message(), each, item, &items.rest) {
            Ok(message) => message,
            Err(undecodable) => return undecodable,
        };
        if let Some(end) = add(&mut results, body(context.of(message))) {
            return end;
        }
    }
    list(&results)
}

struct Items {
    items: Vec<HeaderValue>,
    rest: Arguments,
}

impl Items {
    fn of(message: &Message, each: Each) -> Result<Self, RunResult> {
        let arguments: Result<Arguments, _> = body::decode(&message.content_type, &message.body);
        let mut rest = arguments.map_err(|error| undecodable(error.to_string()))?;
        if rest.args.is_empty() {
            return Err(undecodable("it runs over a list, and has no argument".to_owned()));
        }
        match rest.args.remove(0) {
            HeaderValue::List(items) => Ok(Self { items, rest }),
            _ => Err(undecodable(format!("it runs over a list ({each:?}), and got another value"))),
        }
    }
}

fn undecodable(reason: String) -> RunResult {
    RunResult::Undecodable { failure: Failure::new("undecodable_arguments", reason) }
}

/// The command for one item.
fn one(
    whole: &Message,
    each: Each,
    item: HeaderValue,
    rest: &Arguments,
) -> Result<Message, RunResult> {
    let mut args = match (each, item) {
        (Each::Item, item) => vec![item],
        (Each::Star, HeaderValue::List(args)) => args,
        (Each::Star, _) => {
            return Err(undecodable("an item is no list of arguments".to_owned()));
        }
    };
    args.extend_from_slice(&rest.args);
    let arguments = Arguments { args, kwargs: rest.kwargs.clone() };
    let bytes = body::encode(&whole.content_type, &arguments);
    let mut message = whole.clone();
    message.body = bytes.map_err(|error| undecodable(error.to_string()))?;
    if let Some(place) = &mut message.rare_mut().workflow {
        place.each = None;
    }
    Ok(message)
}

/// Adds what one item came to; the end of all, if it ends all.
fn add(results: &mut Vec<Member>, result: RunResult) -> Option<RunResult> {
    match result {
        RunResult::Success { content_type, value } => {
            results.push(Member::Value(Value::Inline(content_type, value)));
            None
        }
        RunResult::Ignored => {
            results.push(Member::Value(Value::json("null")));
            None
        }
        RunResult::Replaced { .. } => {
            let text = "a task that runs over a list in one command can't be replaced; \
                        use a map, which gives each item a command";
            Some(RunResult::Final { failure: Failure::new("replace", text) })
        }
        end => Some(end),
    }
}

fn list(results: &[Member]) -> RunResult {
    match assemble(&Form::List, results) {
        Ok(Value::Inline(content_type, value)) => RunResult::Success { content_type, value },
        Ok(Value::Joined(_)) => RunResult::Success {
            content_type: ContentType::Json,
            value: Bytes::from_static(b"null"),
        },
        Err(error) => {
            let failure = Failure::new("unencodable_result", error.to_string());
            RunResult::Final { failure }
        }
    }
}
