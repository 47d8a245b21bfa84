//! From a run to a typed call and back: decode, call, encode.

use std::future::Future;
use std::sync::Arc;

use celeriac_core::platform::RunResult;
use celeriac_core::{Failure, arguments, body};
use celeriac_worker::{Body, RunContext};

use crate::context::TaskContext;
use crate::failure::Fault;
use crate::task::Task;

/// The result types that a task may return, so that the macro can name what a
/// success gives.
pub trait TaskResult {
    /// What a success gives.
    type Output;
}

impl<T, E> TaskResult for Result<T, E> {
    type Output = T;
}

/// The body of an async task from its typed call.
pub fn async_body<T, F, R>(call: F) -> Body
where
    T: Task,
    F: Fn(T::Args, TaskContext) -> R + Copy + Send + Sync + 'static,
    R: Future<Output = (TaskContext, Result<T::Output, Fault>)> + Send + 'static,
{
    Body::Async(Arc::new(move |run| {
        Box::pin(async move {
            let arguments = match decode::<T>(&run) {
                Ok(arguments) => arguments,
                Err(undecodable) => return undecodable,
            };
            let message = run.message().clone();
            let (ctx, result) = call(arguments, TaskContext::new(run)).await;
            encode::<T>(&message, &ctx, result)
        })
    }))
}

/// The body of a sync task from its typed call.
pub fn sync_body<T, F>(call: F) -> Body
where
    T: Task,
    F: Fn(T::Args, &TaskContext) -> Result<T::Output, Fault> + Send + Sync + 'static,
{
    Body::Sync(Arc::new(move |run| {
        let arguments = match decode::<T>(&run) {
            Ok(arguments) => arguments,
            Err(undecodable) => return undecodable,
        };
        let message = run.message().clone();
        let ctx = TaskContext::new(run);
        let result = call(arguments, &ctx);
        encode::<T>(&message, &ctx, result)
    }))
}

fn decode<T: Task>(run: &RunContext) -> Result<T::Args, RunResult> {
    let message = run.message();
    arguments::decode(&message.content_type, &message.body, T::PARAMETERS).map_err(|error| {
        RunResult::Undecodable { failure: Failure::new("undecodable_arguments", error.to_string()) }
    })
}

fn encode<T: Task>(
    message: &celeriac_core::Message,
    ctx: &TaskContext,
    result: Result<T::Output, Fault>,
) -> RunResult {
    let value = match result {
        Ok(value) => value,
        Err(fault) => return fault.poisonous(ctx.is_poisoned()).into_result(),
    };
    if let Some(canvas) = ctx.take_replacement() {
        return RunResult::Replaced { canvas };
    }
    // Who else wants the value: a workflow, or a sink.
    let rare = message.rare();
    let is_wanted =
        rare.workflow.is_some() || !rare.sinks.is_empty() || !T::OPTIONS.sinks.is_empty();
    if T::OPTIONS.ignore_result && !is_wanted {
        return RunResult::Ignored;
    }
    match body::encode(&message.content_type, &value) {
        Ok(value) => RunResult::Success { content_type: message.content_type.clone(), value },
        Err(error) => {
            let failure = Failure::new("unencodable_result", error.to_string());
            RunResult::Final { failure }
        }
    }
}
