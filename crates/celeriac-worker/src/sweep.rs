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
    let mut sweep = Sweep::of(context, each);
    loop {
        match sweep.turn() {
            Turn::Run(context) => sweep.add(body(*context).await),
            Turn::End(end) => return end,
        }
    }
}

/// As [`start`], for a sync task.
pub(crate) fn run(body: &Arc<SyncBody>, context: RunContext) -> RunResult {
    let Some(each) = each(context.message()) else { return body(context) };
    let mut sweep = Sweep::of(context, each);
    loop {
        match sweep.turn() {
            Turn::Run(context) => sweep.add(body(*context)),
            Turn::End(end) => return end,
        }
    }
}

/// What comes next of a sweep.
enum Turn {
    /// The task is to run once, for the next item.
    Run(Box<RunContext>),
    /// What all of it came to.
    End(RunResult),
}

/// A run over a list.
struct Sweep {
    context: RunContext,
    each: Each,
    items: std::vec::IntoIter<HeaderValue>,
    rest: Arguments,
    results: Vec<Member>,
    /// What ended it before all items were run.
    end: Option<RunResult>,
}

impl Sweep {
    fn of(context: RunContext, each: Each) -> Self {
        let (items, rest, end) = match items(context.message(), each) {
            Ok((items, rest)) => (items, rest, None),
            Err(end) => (Vec::new(), Arguments::default(), Some(end)),
        };
        Self { context, each, items: items.into_iter(), rest, results: Vec::new(), end }
    }

    fn turn(&mut self) -> Turn {
        if let Some(end) = self.end.take() {
            return Turn::End(end);
        }
        let Some(item) = self.items.next() else { return Turn::End(list(&self.results)) };
        match one(self.context.message(), self.each, item, &self.rest) {
            Ok(message) => Turn::Run(Box::new(self.context.of(message))),
            Err(end) => Turn::End(end),
        }
    }

    /// Adds what one item came to.
    fn add(&mut self, result: RunResult) {
        match member(result) {
            Ok(member) => self.results.push(member),
            Err(end) => self.end = Some(end),
        }
    }
}

/// The items of a message's list, and the arguments after it.
fn items(message: &Message, each: Each) -> Result<(Vec<HeaderValue>, Arguments), RunResult> {
    let arguments: Result<Arguments, _> = body::decode(&message.content_type, &message.body);
    let mut rest = arguments.map_err(|error| undecodable(error.to_string()))?;
    if rest.args.is_empty() {
        return Err(undecodable("it runs over a list, and has no argument".to_owned()));
    }
    match rest.args.remove(0) {
        HeaderValue::List(items) => Ok((items, rest)),
        _ => Err(undecodable(format!("it runs over a list ({each:?}), and got another value"))),
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

/// What one item came to; or the end of all, if it ends all.
fn member(result: RunResult) -> Result<Member, RunResult> {
    match result {
        RunResult::Success { content_type, value } => {
            Ok(Member::Value(Value::Inline(content_type, value)))
        }
        RunResult::Ignored => Ok(Member::Value(Value::json("null"))),
        RunResult::Replaced { .. } => {
            let text = "a task that runs over a list in one command can't be replaced; \
                        use a map, which gives each item a command";
            Err(RunResult::Final { failure: Failure::new("replace", text) })
        }
        end => Err(end),
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
