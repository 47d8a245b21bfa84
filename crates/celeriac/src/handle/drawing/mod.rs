//! Drawings of workflows: the parts with their statuses, as a tree of rows and
//! frames. How it is written is in `svg` and `text`.

mod svg;
mod text;

use celeriac_core::workflow::{Page, Status};

use super::view::View;

/// Of more members, the first are drawn and the others counted.
const MAX_MEMBERS: usize = 8;
const MAX_STEPS: usize = 40;

/// A picture of a workflow at one moment, to be written in several formats. The
/// same state gives the same text.
///
/// Of groups with more than 8 members and chains of more than 40 steps the first
/// are drawn, and the others are counted in one box.
#[derive(Clone, Debug)]
pub struct Drawing {
    title: String,
    root: Part,
}

/// A part of the picture.
#[derive(Clone, Debug)]
struct Part {
    /// Its number, unique in the picture.
    id: usize,
    label: String,
    status: Status,
    shape: Shape,
    /// Tasks that are called back, below it.
    callbacks: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Shape {
    /// A task, or members that are only counted.
    Box,
    /// One after the other.
    Row(Vec<Part>),
    /// All at once, or one of them, or one again and again.
    Frame(Vec<Part>),
    /// Those that need each other, with the ways from one to another by their
    /// positions.
    Net(Vec<Part>, Vec<(usize, usize)>),
}

impl Drawing {
    pub(super) fn of(view: &View) -> Self {
        let workflow = &view.record.workflow;
        let mut builder = Builder { next: 0 };
        let title = format!("{} {}", workflow.name, view.record.status());
        Self { title, root: builder.part(view, view.root(), None) }
    }

    /// The drawing of a graph of which nothing has run.
    pub(crate) fn of_pages(title: String, pages: &[Page]) -> Self {
        let nodes: Vec<_> = pages.iter().flat_map(|page| page.nodes.iter().cloned()).collect();
        let view = View::planned(&nodes);
        let mut builder = Builder { next: 0 };
        Self { title, root: builder.part(&view, view.root(), None) }
    }

    /// For Mermaid: a `flowchart`.
    #[must_use]
    pub fn mermaid(&self) -> String {
        text::mermaid(self)
    }

    /// For Graphviz, in its DOT language.
    #[must_use]
    pub fn dot(&self) -> String {
        text::dot(self)
    }

    /// A complete SVG document. Follows the colour scheme of the page
    /// (`prefers-color-scheme`).
    #[must_use]
    pub fn svg(&self) -> String {
        svg::write(self)
    }
}

struct Builder {
    next: usize,
}

impl Builder {
    fn id(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn part(&mut self, view: &View, step: u32, name: Option<&str>) -> Part {
        let id = self.id();
        let Some(known) = view.step(step) else {
            let (label, status) = ("?".to_owned(), Status::Pending);
            return Part { id, label, status, shape: Shape::Box, callbacks: Vec::new() };
        };
        if known.kind == "stage"
            && let Some(inner) = view.inner(step).first()
        {
            // It is one with what it runs.
            return self.part(view, *inner, Some(&known.name));
        }
        let mut label = match known.kind {
            "map" | "chunks" | "loop" => {
                let count = view.count(step);
                let what = if known.kind == "loop" { "" } else { known.name.as_str() };
                let text = format!("{} {what} {}/{}", known.kind, count.done, count.total);
                text.replace("  ", " ")
            }
            _ => known.name.clone(),
        };
        if let Some(name) = name {
            label = format!("{name}: {label}");
        }
        let shape = match known.kind {
            "dag" => self.net(view, step),
            "chain" => Shape::Row(self.parts(view, step, MAX_STEPS, &[])),
            "group" | "fork" | "switch" | "loop" => {
                Shape::Frame(self.parts(view, step, MAX_MEMBERS, &known.branches))
            }
            // What it put in its own place.
            "task" if view.parts.contains_key(&step) => {
                Shape::Frame(self.parts(view, step, MAX_MEMBERS, &[]))
            }
            _ => Shape::Box,
        };
        let callbacks = (known.inner_end..known.end).map(|callback| {
            let name = view.segment(step, callback);
            self.part(view, callback, Some(&name))
        });
        let callbacks = callbacks.collect();
        Part { id, label, status: view.status(step), shape, callbacks }
    }

    /// The stages of a dag with the ways between them.
    fn net(&mut self, view: &View, step: u32) -> Shape {
        let inner = view.inner(step);
        let parts = self.parts(view, step, MAX_STEPS, &[]);
        let mut ways = Vec::new();
        for (from, stage) in inner.iter().take(parts.len()).enumerate() {
            for to in view.step(*stage).map(|stage| stage.feeds.as_slice()).unwrap_or_default() {
                let to = inner.iter().take(parts.len()).position(|stage| stage == to);
                ways.extend(to.map(|to| (from, to)));
            }
        }
        Shape::Net(parts, ways)
    }

    /// What a step encloses; of very many, the first, and how many more.
    fn parts(&mut self, view: &View, step: u32, max: usize, names: &[String]) -> Vec<Part> {
        // What is known only when it begins is drawn as its part: of a loop, the
        // latest round.
        if let Some(round) = view.parts.get(&step) {
            return vec![self.part(round, round.root(), None)];
        }
        let inner = view.inner(step);
        let shown = if inner.len() > max { max - 1 } else { inner.len() };
        let mut parts: Vec<Part> = Vec::with_capacity(shown + 1);
        for (at, step) in inner[..shown].iter().enumerate() {
            parts.push(self.part(view, *step, names.get(at).map(String::as_str)));
        }
        if shown < inner.len() {
            parts.push(self.others(view, &inner[shown..]));
        }
        parts
    }

    fn others(&mut self, view: &View, steps: &[u32]) -> Part {
        let of = |status| steps.iter().filter(|step| view.status(**step) == status).count();
        let mut label = format!("… {} more", steps.len());
        for status in Status::ALL {
            let count = of(status);
            if count > 0 {
                label.push_str(&format!(", {count} {status}"));
            }
        }
        let all = Status::ALL.into_iter().find(|status| of(*status) == steps.len());
        let status = match all {
            Some(status) => status,
            None if of(Status::Failure) > 0 => Status::Failure,
            None => Status::Running,
        };
        Part { id: self.id(), label, status, shape: Shape::Box, callbacks: Vec::new() }
    }
}

/// The fill and the stroke of a status, on light and on dark pages.
const fn colours(status: Status) -> [&'static str; 4] {
    match status {
        Status::Pending => ["#f3f4f6", "#9ca3af", "#1f2937", "#6b7280"],
        Status::Running => ["#fef3c7", "#d97706", "#451a03", "#f59e0b"],
        Status::Skipped => ["#ffffff", "#d1d5db", "#111827", "#374151"],
        Status::Cancelled => ["#e2e8f0", "#64748b", "#1e293b", "#94a3b8"],
        Status::Failure => ["#fee2e2", "#dc2626", "#450a0a", "#f87171"],
        Status::Success => ["#dcfce7", "#16a34a", "#052e16", "#4ade80"],
    }
}
