//! Reading: from a tree of values to steps, each checked by itself.

use celeriac_core::workflow::{Condition, JsonPath, Policy, Signature};
use celeriac_core::{Name, QueueName};

use super::arguments::{self, Reference};
use super::node::{At, Node, Value};
use super::options::{self, callbacks};
use super::reading::{Table, texts};
use super::when::When;
use super::{Mistake, Tasks};

const WORKFLOW_KEYS: [&str; 7] =
    ["version", "on_error", "queue", "link", "link_error", "step", "steps"];
const STEP_KEYS: [&str; 10] = [
    "id",
    "task",
    "needs",
    "args",
    "foreach",
    "when",
    "on_error",
    "immutable",
    "link",
    "link_error",
];

pub(super) struct Workflow {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) at: At,
    pub(super) steps: Vec<Step>,
    pub(super) policy: Policy,
    /// Where the messages wait that it sends itself.
    pub(super) queue: Option<QueueName>,
    pub(super) link: Vec<Signature>,
    pub(super) link_error: Vec<Signature>,
}

pub(super) struct Step {
    pub(super) id: String,
    pub(super) at: At,
    pub(super) task_at: At,
    pub(super) signature: Signature,
    /// The arguments as they were written.
    pub(super) args: Option<Node>,
    pub(super) needs: Vec<(String, At)>,
    pub(super) foreach: Option<(Reference, At)>,
    pub(super) when: Option<(Condition, Reference, At)>,
    pub(super) policy: Policy,
    pub(super) link: Vec<Signature>,
    pub(super) link_error: Vec<Signature>,
}

impl Step {
    /// Whether what it needs comes first among its arguments.
    pub(super) fn gets_input(&self) -> bool {
        let signature = &self.signature;
        self.foreach.is_none()
            && !self.needs.is_empty()
            && !signature.immutable
            && signature.bindings.is_empty()
    }
}

pub(super) fn workflows(root: &Node, tasks: &Tasks, mistakes: &mut Vec<Mistake>) -> Vec<Workflow> {
    let mut all = Vec::new();
    let Some(table) = Table::of(root, "the file", &["workflow"], mistakes) else { return all };
    let Some(Node { value: Value::Table(declared), .. }) = table.get("workflow") else {
        let message = "no workflow is here; begin with `[workflow.name]`, in YAML `workflow:`";
        mistakes.push(Mistake::new(root.at, message));
        return all;
    };
    for entry in declared {
        let what = format!("`{}`", entry.key);
        let read = Table::of(&entry.node, &what, &WORKFLOW_KEYS, mistakes)
            .map(|table| workflow(&entry.key, entry.at, &table, tasks, mistakes));
        all.extend(read);
    }
    all
}

fn workflow(
    name: &str,
    at: At,
    table: &Table<'_>,
    tasks: &Tasks,
    mistakes: &mut Vec<Mistake>,
) -> Workflow {
    if table.get("version").is_none() {
        let message = format!("`{name}` has no version; add `version = 1`");
        mistakes.push(Mistake::new(at, message));
    }
    let version = table.number("version", 1..=i64::from(u32::MAX), mistakes);
    let steps = table.get("step").or_else(|| table.get("steps")).map(|node| &node.value);
    let steps = match steps {
        Some(Value::List(steps)) if !steps.is_empty() => steps.as_slice(),
        _ => {
            let message = format!("`{name}` has no steps; add `[[workflow.{name}.step]]`");
            mistakes.push(Mistake::new(at, message));
            &[]
        }
    };
    Workflow {
        name: name.to_owned(),
        version: version.and_then(|version| u32::try_from(version).ok()).unwrap_or(1),
        at,
        policy: policy(table, mistakes).unwrap_or_default(),
        queue: table.text("queue", mistakes).map(|(queue, _)| QueueName::from(queue)),
        link: callbacks(table, "link", tasks, mistakes),
        link_error: callbacks(table, "link_error", tasks, mistakes),
        steps: steps.iter().filter_map(|node| step(node, tasks, mistakes)).collect(),
    }
}

fn policy(table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> Option<Policy> {
    let (text, at) = table.text("on_error", mistakes)?;
    match text {
        "wait_all" => Some(Policy::WaitAll),
        "fail_fast" => Some(Policy::FailFast),
        "settle" => Some(Policy::Settle),
        other => {
            let message = format!(
                "`{other}` is no policy; use wait_all, fail_fast or settle (a task to be called \
                 back goes to `link_error`)"
            );
            mistakes.push(Mistake::new(at, message));
            None
        }
    }
}

fn step(node: &Node, tasks: &Tasks, mistakes: &mut Vec<Mistake>) -> Option<Step> {
    let keys: Vec<_> = STEP_KEYS.into_iter().chain(options::KEYS).collect();
    let table = Table::of(node, "a step", &keys, mistakes)?;
    let (id, task) = (table.required("id", mistakes), table.required("task", mistakes));
    let ((id, at), (task, task_at)) = (id?, task?);
    let needs = table.get("needs").map(|node| texts(node, "needs", mistakes)).unwrap_or_default();
    let mut signature = Signature::new(Name::from(task));
    let args = table.get("args");
    arguments::arguments(args, &needs, &mut signature, mistakes);
    signature.options = options::options(&table, mistakes);
    signature.immutable = table.switch("immutable", mistakes);
    let foreach = table.text("foreach", mistakes).and_then(|(text, at)| {
        let path =
            parsed(text.parse::<JsonPath>().map_err(|error| error.to_string()), at, mistakes);
        Some((arguments::refers(path?, &needs, at, mistakes)?, at))
    });
    let when = table.text("when", mistakes).and_then(|(text, at)| {
        let when = parsed(When::parse(text), at, mistakes)?;
        let reference = arguments::refers(when.path.clone(), &needs, at, mistakes)?;
        Some((when.on(reference.within.clone()), reference, at))
    });
    let policy = policy(&table, mistakes).unwrap_or_default();
    if policy == Policy::FailFast
        && table.get("foreach").is_none()
        && let Some(node) = table.get("on_error")
    {
        let message = "`fail_fast` is for a step with `foreach`, or for the whole workflow: a \
                       single task has nothing to cancel";
        mistakes.push(Mistake::new(node.at, message));
    }
    Some(Step {
        id: id.to_owned(),
        at,
        task_at,
        signature,
        args: args.cloned(),
        foreach,
        when,
        policy,
        link: callbacks(&table, "link", tasks, mistakes),
        link_error: callbacks(&table, "link_error", tasks, mistakes),
        needs,
    })
}

fn parsed<T>(parsed: Result<T, String>, at: At, mistakes: &mut Vec<Mistake>) -> Option<T> {
    parsed.map_err(|message| mistakes.push(Mistake::new(at, message))).ok()
}
