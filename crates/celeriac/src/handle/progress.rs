//! How far a workflow is, node by node.

use celeriac_core::workflow::Status;
use serde::Serialize;

use super::view::View;

/// Groups with more members are shown as one node.
const MAX_LISTED: usize = 20;

/// How far a workflow is. Tasks are counted, callbacks are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkflowProgress {
    /// The status of the whole.
    pub status: Status,
    /// Tasks that have ended: well, badly, skipped or cancelled.
    pub done: u64,
    /// Tasks that failed for good.
    pub failed: u64,
    /// All tasks that are known of. It grows when a step begins whose number of
    /// tasks was not known before: a map over a result, another round of a loop,
    /// what a task puts in its own place. Of such parts the first 256 are looked
    /// into; another counts as one task.
    pub total: u64,
    /// The nodes, each before what it encloses. Members of groups with more
    /// than 20 are not listed.
    pub nodes: Vec<NodeProgress>,
}

/// How far a node of a workflow is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeProgress {
    /// Where it is in the nesting: `/`, `chain[1]/group[0]`.
    pub path: String,
    /// The task's name, or the kind of composition; of a step of a dag its own
    /// name, and then that.
    pub name: String,
    /// What it is: `task`, `chain`, `group`, `fork`, `dag`, `switch`, `loop`,
    /// `map`, `chunks`.
    pub kind: &'static str,
    /// How deep it is in the nesting; 0 for the whole.
    pub depth: usize,
    /// Its status.
    pub status: Status,
    /// Tasks in it that have ended.
    pub done: u64,
    /// Tasks in it that failed for good.
    pub failed: u64,
    /// All tasks in it.
    pub total: u64,
}

pub(super) fn of(view: &View) -> WorkflowProgress {
    let mut nodes = Vec::new();
    list(view, view.root(), "", &mut Vec::new(), &mut nodes);
    let count = view.count(view.root());
    let status = view.record.status();
    WorkflowProgress { status, done: count.done, failed: count.failed, total: count.total, nodes }
}

fn list(
    view: &View,
    step: u32,
    stage: &str,
    path: &mut Vec<String>,
    nodes: &mut Vec<NodeProgress>,
) {
    let Some(known) = view.step(step) else { return };
    if known.kind == "stage" {
        // It is one with what it runs.
        let inner = view.inner(step);
        inner.into_iter().for_each(|inner| list(view, inner, &known.name, path, nodes));
        return;
    }
    let count = view.count(step);
    nodes.push(NodeProgress {
        path: if path.is_empty() { "/".to_owned() } else { path.join("/") },
        name: match stage {
            "" => known.name.clone(),
            stage => format!("{stage} ({})", known.name),
        },
        kind: known.kind,
        depth: path.len(),
        status: view.status(step),
        done: count.done,
        failed: count.failed,
        total: count.total,
    });
    if let Some(part) = view.parts.get(&step) {
        let round = part.record.workflow.parent.as_ref().map_or(0, |parent| parent.round);
        path.push(match known.kind {
            "loop" => format!("loop[{round}]"),
            "task" => "replace".to_owned(),
            // A map's part is a group, which says no more than the map itself.
            _ => return,
        });
        list(part, part.root(), "", path, nodes);
        path.pop();
        return;
    }
    let inner = view.inner(step);
    if !matches!(known.kind, "chain" | "dag") && inner.len() > MAX_LISTED {
        return;
    }
    for inner in inner {
        path.push(view.segment(step, inner));
        list(view, inner, "", path, nodes);
        path.pop();
    }
}
