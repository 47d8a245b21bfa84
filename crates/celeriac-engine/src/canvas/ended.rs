//! Steps end: the result goes on, an error goes up, callbacks are sent.

use celeriac_core::store::Join;
use celeriac_core::workflow::{
    End, Kind, Member, Node, Policy, Status, StepError, StepId, Then, Value,
};
use celeriac_core::{Failure, Name};

use super::advance::{Act, Input, Move, Need, Stepper};
use super::id::{path_of, step_id};
use super::listing;

impl Stepper<'_> {
    pub(super) fn completed(&mut self, step: StepId, value: Input) -> Result<(), Need> {
        let node = self.node(step)?;
        self.mark_ended(step, node, Status::Success);
        let unused = node.on_error_steps();
        self.mark(unused.start, unused.end, Status::Skipped);
        for callback in node.link_steps() {
            self.send_callback(StepId(callback), value.clone())?;
        }
        if step == self.context.workflow.root {
            self.end(End::Success(value));
            return Ok(());
        }
        if let Kind::Stage { .. } = node.kind {
            return self.feed(step, value);
        }
        match node.then {
            Then::Step(next) => self.push(Move::Begin(next, value)),
            Then::Member { join, index } => {
                let value = value.unwrap_or_else(|| Value::json("null"));
                self.join(join, index, Member::Value(value))?;
            }
            Then::Parent => {
                if let Some(parent) = node.parent {
                    self.push(Move::Completed(parent, value));
                }
            }
            Then::End | Then::Nothing => {}
        }
        Ok(())
    }

    /// This step is where an error comes from.
    pub(super) fn fail(&mut self, step: StepId, failure: Failure) -> Result<(), Need> {
        let context = self.context;
        let task = match &self.node(step)?.kind {
            Kind::Task { signature, .. } => signature.task.clone(),
            kind => Name::from_static(kind.as_str()),
        };
        let id = step_id(context.workflow.id, step, context.epoch);
        let path = path_of(context.workflow, context.graph, step)?;
        self.push(Move::Failed(step, Box::new(StepError { id, task, failure, path })));
        Ok(())
    }

    /// An error comes to a step, from itself or from what it encloses.
    pub(super) fn failed(&mut self, step: StepId, error: Box<StepError>) -> Result<(), Need> {
        let node = self.node(step)?;
        self.mark_ended(step, node, Status::Failure);
        let unused = node.link_steps();
        self.mark(unused.start, unused.end, Status::Skipped);
        let callbacks = node.on_error_steps();
        if !callbacks.is_empty() {
            let value = listing::error_value(&error);
            for callback in callbacks {
                self.send_callback(StepId(callback), Some(value.clone()))?;
            }
        }
        if step == self.context.workflow.root {
            self.end(End::Failure(error));
            return Ok(());
        }
        if let Kind::Stage { .. } = node.kind {
            return self.feed_error(step, error);
        }
        match (node.then, node.parent) {
            (Then::Member { join, index }, _) => self.join(join, index, Member::Error(error))?,
            (Then::Step(_) | Then::Parent, Some(parent)) => {
                let end = self.node(parent)?.inner_end;
                self.mark(node.end.0, end.0, Status::Skipped);
                self.push(Move::Failed(parent, error));
            }
            (Then::Step(_) | Then::Parent | Then::End | Then::Nothing, _) => {}
        }
        Ok(())
    }

    /// The rounds of a loop are workflows of their own; in this one, what they
    /// consist of has the status of the loop.
    fn mark_ended(&mut self, step: StepId, node: &Node, status: Status) {
        let end = match node.kind {
            Kind::Loop { .. } => node.inner_end.0,
            _ => step.0 + 1,
        };
        self.mark(step.0, end, status);
    }

    pub(super) fn join(&mut self, join: StepId, index: u32, member: Member) -> Result<(), Need> {
        let (fail_fast, width) = (self.fails_fast(join)?, self.width(join)?);
        self.acts.push(Act::Join(Box::new(Join {
            workflow: self.context.workflow.id,
            join,
            index,
            width,
            fail_fast,
            epoch: self.context.epoch,
            member,
        })));
        Ok(())
    }

    /// When a group, fork or dag ends.
    pub(super) fn policy(&self, join: StepId) -> Result<Policy, Need> {
        Ok(match &self.node(join)?.kind {
            Kind::Group { policy, .. } | Kind::Fork { policy, .. } | Kind::Dag { policy, .. } => {
                *policy
            }
            _ => Policy::WaitAll,
        })
    }
}
