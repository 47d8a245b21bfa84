//! Parts that are known only when their step begins: rounds of a loop, a map
//! over a result, what a task put in its own place. Each is a workflow of its
//! own, whose end is told to the step by a message.

use celeriac_core::workflow::{
    Canvas, End, Items, Kind, NewWorkflow, Node, Page, Parent, Shape, Status, StepId, Value,
    Workflow,
};
use celeriac_core::workflow::{Signal, Then};
use celeriac_core::{Failure, HeaderValue, MessageId};

use super::advance::{Act, Input, Move, Need, Stepper};
use super::binding::bound;
use super::compile::compile;
use super::condition::{holds, lookup};
use super::id::{part_id, path_of};
use super::outgoing;

/// What a part runs.
enum Source {
    /// Steps of the graph that is at hand.
    Range(StepId, StepId),
    /// A graph of its own.
    Pages(Vec<Page>),
}

impl Stepper<'_> {
    pub(super) fn begin_round(
        &mut self,
        step: StepId,
        round: u32,
        input: Input,
    ) -> Result<(), Need> {
        let node = self.node(step)?;
        let source = Source::Range(StepId(step.0 + 1), node.inner_end);
        self.begin_part(step, round, Some(format!("loop[{round}]")), source, input)
    }

    pub(super) fn begin_map(
        &mut self,
        step: StepId,
        node: &Node,
        input: Input,
    ) -> Result<(), Need> {
        let Kind::Map { signature, items, each, size, policy } = &node.kind else {
            return Ok(());
        };
        let read = match self.read(input.as_ref())? {
            Ok(read) => read,
            Err(reason) => return self.fail(step, Failure::new("map", reason)),
        };
        let Some(HeaderValue::List(found)) = lookup(items, &read) else {
            let reason = format!("there is no list at {items} of the result of the step before");
            return self.fail(step, Failure::new("map", reason));
        };
        let items = Items::Given(found.clone());
        let signature = match bound(signature, &read) {
            Ok(signature) => signature,
            Err(reason) => return self.fail(step, Failure::new("arguments", reason)),
        };
        let (each, policy) = (*each, *policy);
        let shape = match *size {
            None => Shape::Map { signature, items, each, policy },
            Some(size) => Shape::Chunks { signature, items, each, size, policy },
        };
        match compile(&shape.into()) {
            Ok(pages) => self.begin_part(step, 0, None, Source::Pages(pages), None),
            Err(error) => self.fail(step, Failure::new("map", error.to_string())),
        }
    }

    pub(super) fn replace(&mut self, step: StepId, canvas: &Canvas) -> Result<(), Need> {
        match compile(canvas) {
            Ok(pages) => {
                let segment = Some("replace".to_owned());
                self.begin_part(step, 0, segment, Source::Pages(pages), None)
            }
            Err(error) => self.fail(step, Failure::new("replace", error.to_string())),
        }
    }

    fn begin_part(
        &mut self,
        step: StepId,
        round: u32,
        segment: Option<String>,
        source: Source,
        input: Input,
    ) -> Result<(), Need> {
        let context = self.context;
        let whole = context.workflow;
        let id = part_id(whole.id, step, round);
        let (graph, root, end, pages) = match source {
            Source::Range(root, end) => (whole.graph, root, end, Vec::new()),
            Source::Pages(pages) => {
                let end = pages.last().map_or(StepId(0), Page::end);
                (id, StepId(0), end, pages)
            }
        };
        let node = self.node(step)?;
        let mut scopes = match node.then {
            // A callback is in no scope, nor is what it puts in its own place.
            Then::Nothing => Vec::new(),
            _ => self.scopes_within(node.parent)?,
        };
        scopes.push(id);
        let mut path = path_of(whole, context.graph, step)?;
        path.extend(segment);
        let workflow = Workflow {
            id,
            graph,
            root,
            end,
            parent: Some(Parent { workflow: whole.id, step, round }),
            scopes,
            path,
            created_at: context.now,
            ..whole.clone()
        };
        let signal = Signal::Begin(input);
        let epoch = context.epoch;
        let begin = outgoing::signal(&workflow, id, root, epoch, "begin", &signal, context.now);
        self.mark_one(step, Status::Running);
        self.acts.push(Act::Create(Box::new(NewWorkflow { workflow, epoch, pages })));
        self.acts.push(Act::Send(begin.into()));
        Ok(())
    }

    /// A part of this step has ended.
    pub(super) fn part_ended(&mut self, step: StepId, round: u32, end: End) -> Result<(), Need> {
        let value = match end {
            End::Success(value) => value,
            End::Failure(error) => {
                self.push(Move::Failed(step, error));
                return Ok(());
            }
            End::Cancelled => {
                return self.fail(step, Failure::new("cancelled", "a part of it was cancelled"));
            }
        };
        let Kind::Loop { until, max } = &self.node(step)?.kind else {
            self.push(Move::Completed(step, value));
            return Ok(());
        };
        match self.read(value.as_ref())? {
            Err(reason) => self.fail(step, Failure::new("loop", reason)),
            Ok(read) if holds(until, &read) => {
                self.push(Move::Completed(step, value));
                Ok(())
            }
            Ok(_) if round + 1 >= *max => {
                let reason = format!("the condition does not hold after {max} rounds");
                self.fail(step, Failure::new("loop", reason))
            }
            Ok(_) => self.begin_round(step, round + 1, value),
        }
    }

    /// Ids whose revocation cancels what `enclosing` encloses, from the
    /// outside in: the workflow's, and those of groups that fail fast.
    pub(super) fn scopes_within(
        &mut self,
        enclosing: Option<StepId>,
    ) -> Result<Vec<MessageId>, Need> {
        if let Some((known, scopes)) = &self.scopes
            && *known == enclosing
        {
            return Ok(scopes.clone());
        }
        let workflow = self.context.workflow;
        let mut inner = Vec::new();
        let mut next = enclosing.filter(|step| *step >= workflow.root);
        while let Some(step) = next {
            if self.policy(step)? == celeriac_core::workflow::Policy::FailFast {
                inner.push(super::id::scope_id(workflow.id, step, self.context.epoch));
            }
            let parent = self.node(step)?.parent;
            next = parent.filter(|_| step != workflow.root);
        }
        let mut scopes = workflow.scopes.clone();
        scopes.extend(inner.into_iter().rev());
        self.scopes = Some((enclosing, scopes.clone()));
        Ok(scopes)
    }
}

/// A value that is taken from another, in JSON.
pub(super) fn picked(value: &HeaderValue) -> Result<Value, String> {
    let json = celeriac_core::body::encode(&celeriac_core::ContentType::Json, value);
    json.map(Value::json).map_err(|error| error.to_string())
}
