//! Compiling: a canvas becomes the pages of a graph. Its size is linear in
//! that of the canvas.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{
    Canvas, Each, Items, JsonPath, Kind, MAX_CALLBACKS, MAX_DEPTH, MAX_STEPS, Node, Options, Page,
    Policy, Shape, Signature, StepId, Then,
};

use super::sheet;

/// A canvas that can't be compiled. `place` is the way through its nesting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It nests too deep.
    #[error("the canvas nests deeper than {MAX_DEPTH} at {place}; start a workflow from a task")]
    TooDeep {
        /// Where.
        place: String,
    },
    /// It has too many steps.
    #[error("the canvas has more than {MAX_STEPS} steps at {place}; split it into workflows")]
    TooManySteps {
        /// Where.
        place: String,
    },
    /// A part has too many callbacks.
    #[error("{count} callbacks at {place}; at most {MAX_CALLBACKS} of a kind")]
    TooManyCallbacks {
        /// Where.
        place: String,
        /// How many.
        count: usize,
    },
    /// Chunks of nothing, or a loop without a round.
    #[error("{what} of 0 at {place}; at least 1")]
    Zero {
        /// Where.
        place: String,
        /// `chunks` or `loop`.
        what: &'static str,
    },
    /// Two branches of a fork have the same name.
    #[error("two branches `{name}` in the fork at {place}")]
    SameName {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// Two steps of a dag have the same name.
    #[error("two steps `{name}` in the dag at {place}")]
    SameStep {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// A step needs one that is not there.
    #[error("`{name}` needs `{need}`, which is no step of the dag at {place}")]
    UnknownNeed {
        /// Where.
        place: String,
        /// The step.
        name: String,
        /// What it needs.
        need: String,
    },
    /// A step needs another twice.
    #[error("`{name}` needs `{need}` twice in the dag at {place}")]
    NeedsTwice {
        /// Where.
        place: String,
        /// The step.
        name: String,
        /// What it needs.
        need: String,
    },
    /// Steps that wait for each other.
    #[error("`{name}` needs itself, by way of others, in the dag at {place}")]
    Cycle {
        /// Where.
        place: String,
        /// One of the steps.
        name: String,
    },
    /// An item of a starmap is not a list of arguments.
    #[error("item {index} of the starmap at {place} is no list of arguments")]
    NoArguments {
        /// Where.
        place: String,
        /// Which one, from 0.
        index: usize,
    },
}

/// Compiles a canvas.
///
/// # Errors
/// [`CompileError`] if it breaks a limit, or says what can't be.
///
/// ```
/// use celeriac_core::workflow::{Canvas, Signature};
/// let add = |n: i64| Canvas::from(Signature::new("add").argument(n));
/// let pages = celeriac_engine::canvas::compile(&Canvas::chain(vec![add(1), add(2)]))?;
/// assert_eq!(pages[0].nodes.len(), 3);
/// # Ok::<(), celeriac_engine::canvas::CompileError>(())
/// ```
pub fn compile(canvas: &Canvas) -> Result<Vec<Page>, CompileError> {
    let mut compiler = Compiler { nodes: Vec::new(), path: Vec::new(), options: None };
    compiler.add(canvas, Place { parent: None, position: 0, then: Then::End })?;
    Ok(into_pages(compiler.nodes))
}

fn into_pages(nodes: Vec<Node>) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let (mut first, mut bytes) = (StepId(0), 0);
    let mut open: Vec<Node> = Vec::new();
    for node in nodes {
        let weight = sheet::weight(&node);
        let is_full = open.len() == Page::MAX_NODES || bytes + weight > Page::FULL_BYTES;
        if is_full && !open.is_empty() {
            let page = Page { first, nodes: open.drain(..).collect() };
            (first, bytes) = (page.end(), 0);
            pages.push(page);
        }
        bytes += weight;
        open.push(node);
    }
    pages.push(Page { first, nodes: open.into() });
    pages
}

#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) parent: Option<StepId>,
    pub(super) position: u32,
    pub(super) then: Then,
}

pub(super) struct Compiler {
    pub(super) nodes: Vec<Node>,
    pub(super) path: Vec<String>,
    /// The latest options: those of members mostly are the same.
    options: Option<Arc<Options>>,
}

impl Compiler {
    pub(super) fn place(&self) -> String {
        if self.path.is_empty() { "/".to_owned() } else { self.path.join("/") }
    }

    pub(super) fn add(&mut self, canvas: &Canvas, place: Place) -> Result<StepId, CompileError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(CompileError::TooDeep { place: self.place() });
        }
        let step = match &canvas.shape {
            Shape::Chord { members, policy, body } => self.chord(members, *policy, body, place)?,
            shape => {
                let kind = self.kind(shape)?;
                let step = self.open(kind, place)?;
                self.inside(step, shape)?;
                step
            }
        };
        self.close(step, &canvas.link, &canvas.on_error)?;
        Ok(step)
    }

    pub(super) fn open(&mut self, mut kind: Kind, place: Place) -> Result<StepId, CompileError> {
        if self.nodes.len() >= MAX_STEPS {
            return Err(CompileError::TooManySteps { place: self.place() });
        }
        let step = self.next();
        let Place { parent, position, then } = place;
        let (inner_end, links, end) = (step, 0, step);
        if let Kind::Task { signature, .. } | Kind::Map { signature, .. } = &mut kind
            && signature.options.is_some()
        {
            if self.options != signature.options {
                self.options.clone_from(&signature.options);
            }
            signature.options.clone_from(&self.options);
        }
        self.nodes.push(Node { kind, parent, position, then, inner_end, links, end });
        Ok(step)
    }

    /// Adds the callbacks of a step whose inner steps are there.
    pub(super) fn close(
        &mut self,
        step: StepId,
        link: &[Signature],
        on_error: &[Signature],
    ) -> Result<(), CompileError> {
        let inner_end = self.next();
        for callbacks in [link, on_error] {
            if callbacks.len() > MAX_CALLBACKS {
                let count = callbacks.len();
                return Err(CompileError::TooManyCallbacks { place: self.place(), count });
            }
        }
        for (position, signature) in (0..).zip(link.iter().chain(on_error)) {
            let place = Place { parent: Some(step), position, then: Then::Nothing };
            let callback = self.open(task(signature.clone()), place)?;
            self.close(callback, &[], &[])?;
        }
        let end = self.next();
        let node = &mut self.nodes[step.0 as usize];
        (node.inner_end, node.links, node.end) = (inner_end, link.len() as u32, end);
        Ok(())
    }

    fn next(&self) -> StepId {
        StepId(self.nodes.len() as u32)
    }

    /// What a shape is as a step. A map over items that are given is a group.
    fn kind(&self, shape: &Shape) -> Result<Kind, CompileError> {
        Ok(match shape {
            Shape::Task(signature) => task(signature.clone()),
            Shape::Chain(_) | Shape::Chord { .. } => Kind::Chain,
            Shape::Group { members, policy } => group(members.len(), *policy),
            Shape::Map { items: Items::Given(items), policy, .. } => group(items.len(), *policy),
            Shape::Map { signature, items: Items::Input(items), each, policy } => Kind::Map {
                signature: signature.clone(),
                items: items.clone(),
                each: *each,
                size: None,
                policy: *policy,
            },
            Shape::Sweep { signature, items: Items::Given(items), each } => {
                sweep(signature, items, *each)
            }
            Shape::Sweep { signature, items: Items::Input(pick), each } => {
                let signature = Signature { immutable: false, ..signature.clone() };
                Kind::Task { signature, each: Some(*each), pick: pick.clone() }
            }
            Shape::Chunks { size: 0, .. } => return Err(self.zero("chunks")),
            Shape::Chunks { items: Items::Given(items), policy, size, .. } => {
                group(items.len().div_ceil(*size as usize), *policy)
            }
            Shape::Chunks { signature, items: Items::Input(items), each, size, policy } => {
                Kind::Map {
                    signature: signature.clone(),
                    items: items.clone(),
                    each: *each,
                    size: Some(*size),
                    policy: *policy,
                }
            }
            Shape::Fork { branches, policy } => {
                let names = Vec::from_iter(branches.iter().map(|(name, _)| name.clone()));
                let mut seen = BTreeSet::new();
                if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
                    let (place, name) = (self.place(), name.clone());
                    return Err(CompileError::SameName { place, name });
                }
                Kind::Fork { names, policy: *policy }
            }
            // What its stages need is known when they are there.
            Shape::Dag { policy, .. } => {
                Kind::Dag { roots: Vec::new(), outputs: Vec::new(), policy: *policy }
            }
            Shape::Switch { cases, otherwise } => Kind::Switch {
                conditions: cases.iter().map(|(condition, _)| condition.clone()).collect(),
                otherwise: otherwise.is_some(),
            },
            Shape::Loop { max: 0, .. } => return Err(self.zero("loop")),
            Shape::Loop { until, max, .. } => Kind::Loop { until: until.clone(), max: *max },
        })
    }

    fn zero(&self, what: &'static str) -> CompileError {
        CompileError::Zero { place: self.place(), what }
    }

    fn inside(&mut self, step: StepId, shape: &Shape) -> Result<(), CompileError> {
        match shape {
            Shape::Chain(steps) => self.chain(step, steps.iter()),
            Shape::Group { members, .. } => self.members(step, members.iter()),
            Shape::Fork { branches, .. } => {
                self.members(step, branches.iter().map(|(_, branch)| branch))
            }
            Shape::Dag { stages, .. } => self.dag(step, stages),
            Shape::Switch { cases, otherwise } => {
                let branches = cases.iter().map(|(_, branch)| branch);
                let mut all = branches.chain(otherwise.as_deref()).enumerate();
                all.try_for_each(|(at, branch)| {
                    self.child(step, at, branch, Then::Parent).map(drop)
                })
            }
            Shape::Loop { body, .. } => self.child(step, 0, body, Then::End).map(drop),
            Shape::Map { signature, items: Items::Given(items), each, .. } => {
                for (index, item) in items.iter().enumerate() {
                    let kind = self.mapped(signature, item, *each, index)?;
                    self.member_task(step, index, kind)?;
                }
                Ok(())
            }
            Shape::Chunks { signature, items: Items::Given(items), each, size, .. } => {
                for (index, chunk) in items.chunks(*size as usize).enumerate() {
                    self.member_task(step, index, sweep(signature, chunk, *each))?;
                }
                Ok(())
            }
            Shape::Task(_) | Shape::Chord { .. } => Ok(()),
            Shape::Map { .. } | Shape::Sweep { .. } | Shape::Chunks { .. } => Ok(()),
        }
    }

    fn chord(
        &mut self,
        members: &[Canvas],
        policy: Policy,
        body: &Canvas,
        place: Place,
    ) -> Result<StepId, CompileError> {
        let chain = self.open(Kind::Chain, place)?;
        self.path.push("chain[0]".to_owned());
        let head = Place { parent: Some(chain), position: 0, then: Then::Parent };
        let head = self.open(group(members.len(), policy), head)?;
        self.members(head, members.iter())?;
        self.close(head, &[], &[])?;
        self.path.pop();
        let next = self.child(chain, 1, body, Then::Parent)?;
        self.nodes[head.0 as usize].then = Then::Step(next);
        Ok(chain)
    }

    fn chain<'a>(
        &mut self,
        step: StepId,
        steps: impl Iterator<Item = &'a Canvas>,
    ) -> Result<(), CompileError> {
        let mut before: Option<StepId> = None;
        for (position, canvas) in steps.enumerate() {
            let child = self.child(step, position, canvas, Then::Parent)?;
            if let Some(before) = before {
                self.nodes[before.0 as usize].then = Then::Step(child);
            }
            before = Some(child);
        }
        Ok(())
    }

    fn members<'a>(
        &mut self,
        join: StepId,
        members: impl Iterator<Item = &'a Canvas>,
    ) -> Result<(), CompileError> {
        for (position, member) in members.enumerate() {
            let then = Then::Member { join, index: position as u32 };
            self.child(join, position, member, then)?;
        }
        Ok(())
    }

    fn child(
        &mut self,
        parent: StepId,
        position: usize,
        canvas: &Canvas,
        then: Then,
    ) -> Result<StepId, CompileError> {
        let kind = self.nodes[parent.0 as usize].kind.as_str();
        self.path.push(format!("{kind}[{position}]"));
        let place = Place { parent: Some(parent), position: position as u32, then };
        let child = self.add(canvas, place)?;
        self.path.pop();
        Ok(child)
    }

    fn member_task(&mut self, join: StepId, index: usize, kind: Kind) -> Result<(), CompileError> {
        let position = index as u32;
        let then = Then::Member { join, index: position };
        let step = self.open(kind, Place { parent: Some(join), position, then })?;
        self.close(step, &[], &[])
    }

    fn mapped(
        &self,
        signature: &Signature,
        item: &HeaderValue,
        each: Each,
        index: usize,
    ) -> Result<Kind, CompileError> {
        let first = match (each, item) {
            (Each::Item, item) => std::slice::from_ref(item),
            (Each::Star, HeaderValue::List(items)) => items,
            (Each::Star, _) => {
                return Err(CompileError::NoArguments { place: self.place(), index });
            }
        };
        Ok(task(with_first(signature, first.iter().cloned())))
    }
}

fn group(width: usize, policy: Policy) -> Kind {
    // Above the limit of steps, which is found out soon.
    Kind::Group { width: u32::try_from(width).unwrap_or(u32::MAX), policy }
}

const fn task(signature: Signature) -> Kind {
    Kind::Task { signature, each: None, pick: JsonPath::WHOLE }
}

/// One command over items that are given.
fn sweep(signature: &Signature, items: &[HeaderValue], each: Each) -> Kind {
    let list = HeaderValue::List(items.to_vec());
    let signature = with_first(signature, std::iter::once(list));
    Kind::Task { signature, each: Some(each), pick: JsonPath::WHOLE }
}

/// The signature with these arguments in front, and nothing in front of them.
fn with_first(signature: &Signature, first: impl Iterator<Item = HeaderValue>) -> Signature {
    let mut signature = signature.clone().immutable();
    signature.arguments.args.splice(0..0, first);
    signature
}
