//! The options of a step and of a callback, and its callbacks.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::workflow::{Millis, Options, Signature};
use celeriac_core::{HeaderValue, Name, Priority, QueueName, RetryPolicy};

use super::node::{Node, Value};
use super::reading::{self, Table, did_you_mean};
use super::{Mistake, Tasks, arguments};

/// The keys of options.
pub(super) const KEYS: [&str; 11] = [
    "queue",
    "priority",
    "countdown",
    "expires",
    "time_limit",
    "soft_time_limit",
    "result_ttl",
    "retry",
    "headers",
    "sinks",
    "concurrency_token",
];
const RETRY_KEYS: [&str; 2] = ["max", "backoff"];
const MAX_ATTEMPTS: i64 = 1_000_000;

pub(super) fn options(table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> Option<Arc<Options>> {
    let mut duration = |key| table.duration(key, mistakes).map(Millis);
    let mut options = Options {
        countdown: duration("countdown"),
        expires: duration("expires"),
        time_limit: duration("time_limit"),
        soft_time_limit: duration("soft_time_limit"),
        result_ttl: duration("result_ttl"),
        ..Options::default()
    };
    if let (Some(soft), Some(hard)) = (options.soft_time_limit, options.time_limit)
        && soft.0 >= hard.0
        && let Some(node) = table.get("soft_time_limit")
    {
        let message = "`soft_time_limit` asks a run to stop before `time_limit` ends it: make it \
                       the shorter one";
        mistakes.push(Mistake::new(node.at, message));
    }
    options.queue = table.text("queue", mistakes).map(|(queue, _)| QueueName::from(queue));
    options.priority = table
        .number("priority", 0..=9, mistakes)
        .and_then(|number| Priority::new(u8::try_from(number).ok()?).ok());
    options.retry = table.get("retry").and_then(|node| retry(node, mistakes));
    options.concurrency_token =
        table.text("concurrency_token", mistakes).map(|(token, _)| token.to_owned());
    if let Some(node) = table.get("sinks") {
        let sinks = reading::texts(node, "sinks", mistakes);
        options.sinks = sinks.into_iter().map(|(sink, _)| sink).collect();
    }
    if let Some(node) = table.get("headers") {
        match arguments::literal(node) {
            HeaderValue::Map(headers) => options.headers = headers,
            _ => {
                let message = format!("`headers` is {}; it must be a table", node.kind());
                mistakes.push(Mistake::new(node.at, message));
            }
        }
    }
    (options != Options::default()).then(|| Arc::new(options))
}

/// `false`, or `{ max = 5, backoff = "1s..2m" }`.
fn retry(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<RetryPolicy> {
    match &node.value {
        Value::Plain(HeaderValue::Bool(false)) => return Some(RetryPolicy::NEVER),
        Value::Table(_) => {}
        _ => {
            let message = "`retry` is false, or a table such as { max = 5, backoff = \"1s..2m\" }";
            mistakes.push(Mistake::new(node.at, message));
            return None;
        }
    }
    let table = Table::of(node, "`retry`", &RETRY_KEYS, mistakes)?;
    let mut policy = RetryPolicy::default();
    if let Some(max) = table.number("max", 1..=MAX_ATTEMPTS, mistakes) {
        policy.max_attempts = u32::try_from(max).unwrap_or(u32::MAX);
    }
    if let Some((text, at)) = table.text("backoff", mistakes) {
        match backoff(text) {
            Some((initial, cap)) => (policy.initial, policy.cap) = (initial, cap),
            None => {
                let message = "`backoff` is the first and the longest delay, as in \"1s..2m\"";
                mistakes.push(Mistake::new(at, message));
            }
        }
    }
    Some(policy)
}

fn backoff(text: &str) -> Option<(Duration, Duration)> {
    let (initial, cap) = text.split_once("..")?;
    let initial = humantime::parse_duration(initial.trim()).ok()?;
    let cap = humantime::parse_duration(cap.trim()).ok()?;
    (initial <= cap).then_some((initial, cap))
}

/// Callbacks: a task's name, a table, or a list of those.
pub(super) fn callbacks(
    table: &Table<'_>,
    key: &str,
    tasks: &Tasks,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Signature> {
    let Some(node) = table.get(key) else { return Vec::new() };
    let one = std::slice::from_ref(node);
    let nodes = if let Value::List(nodes) = &node.value { nodes.as_slice() } else { one };
    nodes.iter().filter_map(|node| callback(node, key, tasks, mistakes)).collect()
}

fn callback(
    node: &Node,
    key: &str,
    tasks: &Tasks,
    mistakes: &mut Vec<Mistake>,
) -> Option<Signature> {
    let (name, at, mut signature, args) = match &node.value {
        Value::Plain(HeaderValue::Text(name)) => {
            (name.as_str(), node.at, Signature::new(Name::from(name.as_str())), None)
        }
        Value::Table(_) => {
            let keys = ["task", "args", "immutable"];
            let keys: Vec<_> = keys.into_iter().chain(KEYS).collect();
            let table = Table::of(node, key, &keys, mistakes)?;
            let Some((name, at)) = table.text("task", mistakes) else {
                mistakes.push(Mistake::new(node.at, format!("`{key}` has no `task`")));
                return None;
            };
            let mut signature = Signature::new(Name::from(name));
            signature.immutable = table.switch("immutable", mistakes);
            signature.options = options(&table, mistakes);
            (name, at, signature, table.get("args"))
        }
        _ => {
            let message = format!(
                "`{key}` is {}; it must be a task's name, a table with `task`, or a list of those",
                node.kind()
            );
            mistakes.push(Mistake::new(node.at, message));
            return None;
        }
    };
    match args.map(|node| (node, arguments::literal(node))) {
        None => {}
        Some((_, HeaderValue::List(values))) => signature.arguments.args = values,
        Some((_, HeaderValue::Map(values))) => signature.arguments.kwargs = values,
        Some((node, _)) => {
            let message = format!("`args` is {}; it must be a list or a table", node.kind());
            mistakes.push(Mistake::new(node.at, message));
        }
    }
    if !tasks.is_empty() && !tasks.contains_key(name) {
        let hint = did_you_mean(name, tasks.keys().map(String::as_str));
        mistakes.push(Mistake::new(at, format!("unknown task `{name}`{hint}")));
    }
    Some(signature)
}
