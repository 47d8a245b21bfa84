//! A workflow as it is now: its graph, the status of every step, and its parts
//! that are workflows of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use celeriac_core::store::WorkflowFilter;
use celeriac_core::workflow::{Kind, Node, Page, Parent, Record, Status, StepId, Workflow};
use celeriac_core::{BoxFuture, MessageId, Name, QueueName, Store, Timestamp};

use crate::connect::Error;

/// How many statuses or parts are asked for at once.
const PAGE: usize = 1000;
/// So many parts of a workflow are looked into at the most; of others it is
/// known whether they have ended.
const MAX_PARTS: usize = 256;

/// What a graph says of a step, without its arguments.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The task's name, or the kind of composition.
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) position: u32,
    pub(super) inner_end: u32,
    pub(super) links: u32,
    pub(super) end: u32,
    /// The names of a fork's branches.
    pub(super) branches: Vec<String>,
    /// The stages that a stage feeds, and the whole.
    pub(super) feeds: Vec<u32>,
}

impl Step {
    fn of(node: &Node) -> Self {
        let (name, branches) = match &node.kind {
            Kind::Task { signature, .. } => (signature.task.as_str().to_owned(), Vec::new()),
            Kind::Map { signature, .. } => (signature.task.as_str().to_owned(), Vec::new()),
            Kind::Fork { names, .. } => ("fork".to_owned(), names.clone()),
            Kind::Stage { name, .. } => (name.clone(), Vec::new()),
            kind => (kind.as_str().to_owned(), Vec::new()),
        };
        let feeds = match &node.kind {
            Kind::Stage { feeds, .. } => feeds.iter().map(|feed| feed.to.0).collect(),
            _ => Vec::new(),
        };
        Self {
            feeds,
            name,
            kind: node.kind.as_str(),
            position: node.position,
            inner_end: node.inner_end.0,
            links: node.links,
            end: node.end.0,
            branches,
        }
    }

    /// Whether what it consists of is known only when it begins.
    fn has_parts(&self) -> bool {
        matches!(self.kind, "map" | "chunks" | "loop")
    }

    pub(super) fn is_task(&self) -> bool {
        self.kind == "task"
    }
}

/// A graph without arguments; it never changes, so it is read once.
pub(super) type Outline = Arc<Vec<Step>>;

/// A workflow as it is now.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) record: Record,
    pub(super) outline: Outline,
    /// The statuses from the root on.
    statuses: Vec<Status>,
    /// The latest workflow that is a part of a step.
    pub(super) parts: BTreeMap<u32, View>,
}

/// Done, failed and all tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) total: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.total += other.total;
    }
}

impl View {
    pub(super) fn root(&self) -> u32 {
        self.record.workflow.root.0
    }

    pub(super) fn step(&self, step: u32) -> Option<&Step> {
        self.outline.get(step as usize)
    }

    pub(super) fn status(&self, step: u32) -> Status {
        // What ended says so itself, also where only its outermost step was noted.
        let noted = step.checked_sub(self.root()).and_then(|at| self.statuses.get(at as usize));
        let status = noted.copied().unwrap_or_default();
        match &self.record.end {
            Some(end) if step == self.root() => end.status(),
            _ => status,
        }
    }

    /// The workflow, and its parts that were looked into.
    pub(super) fn ids(&self) -> Vec<MessageId> {
        let mut ids = vec![self.record.workflow.id];
        self.parts.values().for_each(|part| ids.extend(part.ids()));
        ids
    }

    /// What `step` is composed of, callbacks left out.
    pub(super) fn inner(&self, step: u32) -> Vec<u32> {
        let Some(outer) = self.step(step) else { return Vec::new() };
        let mut inner = Vec::new();
        let mut next = step + 1;
        while next < outer.inner_end {
            inner.push(next);
            match self.step(next) {
                Some(child) if child.end > next => next = child.end,
                _ => break,
            }
        }
        inner
    }

    /// How many tasks a step encloses, and how many of them have ended.
    /// Callbacks are not counted: nothing waits for them.
    pub(super) fn count(&self, step: u32) -> Count {
        let Some(outer) = self.step(step) else { return Count::default() };
        let mut count = Count::default();
        if let Some(part) = self.parts.get(&step) {
            count.add(part.count(part.root()));
            return count;
        }
        if outer.is_task() || outer.has_parts() {
            let status = self.status(step);
            count.total = 1;
            count.done = u64::from(status.is_terminal());
            count.failed = u64::from(status == Status::Failure);
            return count;
        }
        self.inner(step).into_iter().for_each(|inner| count.add(self.count(inner)));
        count
    }

    /// The step's place, as errors report it.
    pub(super) fn segment(&self, outer: u32, step: u32) -> String {
        let (Some(outer), Some(inner)) = (self.step(outer), self.step(step)) else {
            return String::new();
        };
        match step.checked_sub(outer.inner_end) {
            None if inner.kind == "stage" => format!("dag[{}]", inner.name),
            None => format!("{}[{}]", outer.kind, inner.position),
            Some(link) if link < outer.links => format!("link[{link}]"),
            Some(callback) => format!("on_error[{}]", callback - outer.links),
        }
    }
}

impl View {
    /// A view of a graph of which nothing has run.
    pub(super) fn planned(nodes: &[Node]) -> Self {
        let id = MessageId::from_parts(Timestamp::from_millis(0), 0);
        let workflow = Workflow {
            id,
            name: Name::from_static("planned"),
            version: 0,
            graph: id,
            root: StepId(0),
            // A graph has at most as many steps as a step's number can say.
            end: StepId(nodes.len() as u32),
            parent: None,
            scopes: Vec::new(),
            path: Vec::new(),
            queue: QueueName::DEFAULT,
            created_at: Timestamp::from_millis(0),
            expires_at: Timestamp::NEVER,
        };
        let record = Record { workflow, epoch: 0, end: None, ended_at: None };
        Self::new(record, nodes, Vec::new())
    }

    /// A view of what was read.
    pub(super) fn new(record: Record, nodes: &[Node], statuses: Vec<Status>) -> Self {
        let outline = Arc::new(nodes.iter().map(Step::of).collect());
        Self { record, outline, statuses, parts: BTreeMap::new() }
    }
}

/// Reads the graph of a workflow.
pub(super) async fn outline(store: &dyn Store, graph: MessageId) -> Result<Outline, Error> {
    let mut steps = Vec::new();
    let mut next = StepId(0);
    while let Some(page) = store.pages(graph, &[next]).await?.into_iter().next().flatten() {
        steps.extend(page.nodes.iter().map(Step::of));
        if page.nodes.is_empty() {
            break;
        }
        next = Page::end(&page);
    }
    Ok(Arc::new(steps))
}

/// Reads a workflow with its parts; `None` if nothing is known of it. `known` is
/// the outline of its graph, if that was read before.
pub(super) fn view<'a>(
    store: &'a dyn Store,
    id: MessageId,
    known: Option<(MessageId, Outline)>,
) -> BoxFuture<'a, Result<Option<View>, Error>> {
    Box::pin(async move {
        let Some(record) = store.workflows(&[id]).await?.into_iter().next().flatten() else {
            return Ok(None);
        };
        let graph = record.workflow.graph;
        let outline = match known {
            Some((of, outline)) if of == graph => outline,
            _ => outline(store, graph).await?,
        };
        let (root, end) = (record.workflow.root, record.workflow.end);
        let mut statuses: Vec<Status> = Vec::new();
        loop {
            // A graph has at most as many steps as a step's number can say.
            let first = StepId(root.0 + statuses.len() as u32);
            let more = store.steps(id, first, PAGE.min((end.0 - first.0) as usize)).await?;
            if more.is_empty() {
                break;
            }
            statuses.extend(more);
            if statuses.len() >= (end.0 - root.0) as usize {
                break;
            }
        }
        let mut view = View { record, outline, statuses, parts: BTreeMap::new() };
        for (step, part) in latest_parts(store, id).await? {
            let known = (view.record.workflow.graph, view.outline.clone());
            if let Some(part) = self::view(store, part, Some(known)).await? {
                view.parts.insert(step, part);
            }
        }
        Ok(Some(view))
    })
}

/// The latest part of each step: a loop has one for each round.
async fn latest_parts(
    store: &dyn Store,
    whole: MessageId,
) -> Result<BTreeMap<u32, MessageId>, Error> {
    let mut latest: BTreeMap<u32, (u32, MessageId)> = BTreeMap::new();
    let mut filter = WorkflowFilter { part_of: Some(whole), ..WorkflowFilter::default() };
    loop {
        let page = store.list(&filter, PAGE).await?;
        for Record { workflow, .. } in &page {
            let Some(Parent { step, round, .. }) = &workflow.parent else { continue };
            let full = latest.len() >= MAX_PARTS && !latest.contains_key(&step.0);
            if !full {
                let known = latest.entry(step.0).or_insert((*round, workflow.id));
                *known = (*known).max((*round, workflow.id));
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.before = Some(last.workflow.id),
            _ => break,
        }
    }
    Ok(latest.into_iter().map(|(step, (_, id))| (step, id)).collect())
}
