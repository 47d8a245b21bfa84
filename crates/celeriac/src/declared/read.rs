//! Reading: from a tree of values to steps, each checked by itself.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::workflow::{JsonPath, Millis, Options, Policy, Segment, Signature};
use celeriac_core::{HeaderValue, Name, Priority, QueueName};

use super::node::{At, Node, Value};
use super::when::When;
use super::{Mistake, Tasks};
use crate::config::nearest::nearest;

const STEP_KEYS: [&str; 15] = [
    "id",
    "task",
    "needs",
    "args",
    "foreach",
    "when",
    "on_error",
    "immutable",
    "queue",
    "priority",
    "countdown",
    "expires",
    "time_limit",
    "soft_time_limit",
    "result_ttl",
];

pub(super) struct Workflow {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) at: At,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Step {
    pub(super) id: String,
    pub(super) at: At,
    pub(super) signature: Signature,
    pub(super) needs: Vec<(String, At)>,
    pub(super) foreach: Option<JsonPath>,
    pub(super) when: Option<When>,
    pub(super) policy: Policy,
}

type Entries = [(String, At, Node)];

fn get<'a>(entries: &'a Entries, key: &str) -> Option<&'a Node> {
    entries.iter().find(|(name, ..)| name == key).map(|(.., node)| node)
}

pub(super) fn workflows(root: &Node, tasks: &Tasks, mistakes: &mut Vec<Mistake>) -> Vec<Workflow> {
    let Value::Table(entries) = &root.value else { return Vec::new() };
    known(entries, &["workflow"], mistakes);
    let mut all = Vec::new();
    let Some(Node { value: Value::Table(declared), .. }) = get(entries, "workflow") else {
        mistakes.push(Mistake::new(root.at, "no workflow is here; begin with `[workflow.name]`"));
        return all;
    };
    for (name, at, node) in declared {
        let Value::Table(entries) = &node.value else {
            let message = format!("`{name}` is {}; write `[workflow.{name}]`", node.kind());
            mistakes.push(Mistake::new(*at, message));
            continue;
        };
        known(entries, &["version", "step"], mistakes);
        let version = match get(entries, "version").map(|node| (node.at, node.data())) {
            Some((_, HeaderValue::Int(version @ 1..=4_294_967_295))) => version as u32,
            Some((at, _)) => {
                mistakes.push(Mistake::new(at, "a version is a whole number from 1 on"));
                1
            }
            None => {
                let message = format!("`{name}` has no version; add `version = 1`");
                mistakes.push(Mistake::new(*at, message));
                1
            }
        };
        let steps = match get(entries, "step").map(|node| &node.value) {
            Some(Value::List(steps)) if !steps.is_empty() => steps.as_slice(),
            _ => {
                let message = format!("`{name}` has no steps; add `[[workflow.{name}.step]]`");
                mistakes.push(Mistake::new(*at, message));
                &[]
            }
        };
        let steps = steps.iter().filter_map(|node| step(node, tasks, mistakes)).collect();
        all.push(Workflow { name: name.clone(), version, at: *at, steps });
    }
    all
}

fn known(entries: &Entries, keys: &[&str], mistakes: &mut Vec<Mistake>) {
    for (name, at, _) in entries {
        if !keys.contains(&name.as_str()) {
            let meant = nearest(name, keys.iter().copied());
            let hint = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            mistakes.push(Mistake::new(*at, format!("unknown key `{name}`{hint}")));
        }
    }
}

fn text<'a>(node: &'a Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<&'a str> {
    if let Value::Plain(HeaderValue::Text(text)) = &node.value {
        return Some(text);
    }
    mistakes.push(Mistake::new(node.at, format!("`{key}` is {}; it must be a text", node.kind())));
    None
}

fn step(node: &Node, tasks: &Tasks, mistakes: &mut Vec<Mistake>) -> Option<Step> {
    let Value::Table(entries) = &node.value else {
        mistakes.push(Mistake::new(node.at, format!("a step is a table, not {}", node.kind())));
        return None;
    };
    known(entries, &STEP_KEYS, mistakes);
    let mut required = |key: &str| match get(entries, key) {
        Some(found) => text(found, key, mistakes).map(|text| (text.to_owned(), found.at)),
        None => {
            mistakes.push(Mistake::new(node.at, format!("this step has no `{key}`")));
            None
        }
    };
    let (id, task) = (required("id"), required("task"));
    let ((id, at), (task, task_at)) = (id?, task?);
    let needs = needs(entries, mistakes);
    let mut signature = Signature::new(Name::from(task.as_str()));
    arguments(entries, &mut signature, mistakes);
    signature.options = options(entries, mistakes);
    if let Some(found) = get(entries, "immutable") {
        match found.data() {
            HeaderValue::Bool(immutable) => signature.immutable = immutable,
            _ => mistakes.push(Mistake::new(found.at, "`immutable` is true or false")),
        }
    }
    let mut texts = |key| {
        let found = get(entries, key)?;
        Some((text(found, key, mistakes)?.to_owned(), found.at))
    };
    let [foreach, when, policy] = [texts("foreach"), texts("when"), texts("on_error")];
    let mut fail = |at, message: String| mistakes.push(Mistake::new(at, message));
    let foreach = foreach.and_then(|(text, at)| match text.parse::<JsonPath>() {
        Ok(path) => refers(path, &needs, at, &mut fail),
        Err(error) => {
            fail(at, error.to_string());
            None
        }
    });
    let when = when.and_then(|(text, at)| match When::parse(&text) {
        Ok(when) => {
            let path = refers(when.path.clone(), &needs, at, &mut fail)?;
            Some(When { path, ..when })
        }
        Err(error) => {
            fail(at, error);
            None
        }
    });
    let policy = match policy {
        None => Policy::WaitAll,
        Some((text, at)) => match text.as_str() {
            _ if get(entries, "foreach").is_none() => {
                fail(at, "`on_error` says how `foreach` fails; this step has none".to_owned());
                Policy::WaitAll
            }
            "wait_all" => Policy::WaitAll,
            "fail_fast" => Policy::FailFast,
            "settle" => Policy::Settle,
            other => {
                fail(at, format!("`{other}` is no policy; use wait_all, fail_fast or settle"));
                Policy::WaitAll
            }
        },
    };
    let gets = !needs.is_empty() && !signature.immutable || get(entries, "foreach").is_some();
    check(&signature, gets, tasks, task_at, mistakes);
    Some(Step { id, at, signature, needs, foreach, when, policy })
}

fn needs(entries: &Entries, mistakes: &mut Vec<Mistake>) -> Vec<(String, At)> {
    let Some(found) = get(entries, "needs") else { return Vec::new() };
    let Value::List(items) = &found.value else {
        let message = format!("`needs` is {}; it must be a list of ids", found.kind());
        mistakes.push(Mistake::new(found.at, message));
        return Vec::new();
    };
    let ids = items
        .iter()
        .filter_map(|item| text(item, "needs", mistakes).map(|id| (id.to_owned(), item.at)));
    ids.collect()
}

/// The path within what comes in: the result of one step, or a map of several.
fn refers(
    path: JsonPath,
    needs: &[(String, At)],
    at: At,
    fail: &mut impl FnMut(At, String),
) -> Option<JsonPath> {
    let first = match path.segments().first() {
        Some(Segment::Name(name)) if needs.iter().any(|(id, _)| id == name) => name,
        _ => {
            let ids: Vec<_> = needs.iter().map(|(id, _)| format!("`$.{id}`")).collect();
            fail(
                at,
                match ids.as_slice() {
                    [] => format!("{path} refers to nothing: this step has no `needs`"),
                    ids => format!("{path} begins with no needed step; use {}", ids.join(" or ")),
                },
            );
            return None;
        }
    };
    if needs.len() > 1 {
        return Some(path);
    }
    let whole = path.to_string();
    let quoted = format!("$['{first}']");
    let rest = whole.strip_prefix(&quoted).or_else(|| whole.strip_prefix(&format!("$.{first}")));
    format!("${}", rest.unwrap_or_default()).parse().ok()
}

fn arguments(entries: &Entries, signature: &mut Signature, mistakes: &mut Vec<Mistake>) {
    let Some(found) = get(entries, "args") else { return };
    match found.data() {
        HeaderValue::List(values) => signature.arguments.args = values,
        HeaderValue::Map(values) => signature.arguments.kwargs = values,
        _ => {
            let message = format!("`args` is {}; it must be a list or a table", found.kind());
            mistakes.push(Mistake::new(found.at, message));
        }
    }
}

fn options(entries: &Entries, mistakes: &mut Vec<Mistake>) -> Option<Arc<Options>> {
    let mut duration = |key: &str| {
        let found = get(entries, key)?;
        let parsed = humantime::parse_duration(text(found, key, mistakes)?);
        let valid: Option<Duration> = parsed.ok();
        if valid.is_none() {
            let message = format!("`{key}` is no duration; write it like \"30s\" or \"1h 30m\"");
            mistakes.push(Mistake::new(found.at, message));
        }
        valid.map(Millis)
    };
    let mut options = Options {
        countdown: duration("countdown"),
        expires: duration("expires"),
        time_limit: duration("time_limit"),
        soft_time_limit: duration("soft_time_limit"),
        result_ttl: duration("result_ttl"),
        ..Options::default()
    };
    if let Some(found) = get(entries, "queue") {
        options.queue = text(found, "queue", mistakes).map(QueueName::from);
    }
    if let Some(found) = get(entries, "priority") {
        let number = match found.data() {
            HeaderValue::Int(number) => {
                u8::try_from(number).ok().and_then(|number| Priority::new(number).ok())
            }
            _ => None,
        };
        options.priority = number;
        if number.is_none() {
            mistakes.push(Mistake::new(found.at, "`priority` is a whole number from 0 to 9"));
        }
    }
    (options != Options::default()).then(|| Arc::new(options))
}

/// Whether the task is known and takes so many arguments, of these names.
fn check(signature: &Signature, gets: bool, tasks: &Tasks, at: At, mistakes: &mut Vec<Mistake>) {
    if tasks.is_empty() {
        return;
    }
    let task = signature.task.as_str();
    let Some(parameters) = tasks.get(task) else {
        let meant = nearest(task, tasks.keys().map(String::as_str));
        let hint = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        mistakes.push(Mistake::new(at, format!("unknown task `{task}`{hint}")));
        return;
    };
    let given = signature.arguments.args.len() + usize::from(gets);
    let names = parameters.join(", ");
    if given > parameters.len() {
        let message = format!("`{task}` gets {given} arguments, but takes ({names})");
        mistakes.push(Mistake::new(at, message));
    }
    for name in signature.arguments.kwargs.keys() {
        if !parameters.get(given..).unwrap_or_default().contains(&name.as_str()) {
            let message = format!("`{task}` takes no more argument `{name}`; it takes ({names})");
            mistakes.push(Mistake::new(at, message));
        }
    }
}
