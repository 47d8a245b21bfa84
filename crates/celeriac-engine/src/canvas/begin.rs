//! Steps begin: a task is sent, what is composed begins with what it encloses.

use celeriac_core::workflow::{Condition, Kind, Node, Signal, Status, StepId, Value};
use celeriac_core::{Failure, HeaderValue};

use super::advance::{Act, Input, Move, Need, Stepper};
use super::condition::holds;
use super::outgoing;

impl Stepper<'_> {
    pub(super) fn begin(&mut self, step: StepId, input: Input) -> Result<(), Need> {
        let node = self.node(step)?;
        match &node.kind {
            Kind::Task { .. } => self.send(step, node, input),
            Kind::Chain => {
                if node.inner_end.0 == step.0 + 1 {
                    self.push(Move::Completed(step, input));
                } else {
                    self.mark_one(step, Status::Running);
                    self.push(Move::Begin(StepId(step.0 + 1), input));
                }
                Ok(())
            }
            Kind::Group { width: 0, .. } => {
                self.push(Move::Completed(step, Some(Value::json("[]"))));
                Ok(())
            }
            Kind::Fork { names, .. } if names.is_empty() => {
                self.push(Move::Completed(step, Some(Value::json("{}"))));
                Ok(())
            }
            Kind::Dag { roots, .. } if roots.is_empty() => {
                self.push(Move::Completed(step, Some(Value::json("{}"))));
                Ok(())
            }
            Kind::Stage { .. } => {
                self.mark_one(step, Status::Running);
                self.push(Move::Begin(StepId(step.0 + 1), input));
                Ok(())
            }
            Kind::Group { .. } | Kind::Fork { .. } | Kind::Dag { .. } => {
                self.mark_one(step, Status::Running);
                self.push(Move::Fan { join: step, next: StepId(step.0 + 1), index: 0, input });
                Ok(())
            }
            Kind::Switch { conditions, otherwise } => {
                self.switch(step, node, conditions, *otherwise, input)
            }
            Kind::Loop { .. } => self.begin_round(step, 0, input),
            Kind::Map { .. } => self.begin_map(step, node, input),
        }
    }

    /// Begins members from `next` on, or feeds what needs a stage, as many as
    /// there is room for; the rest is for a message to itself.
    pub(super) fn fan(
        &mut self,
        join: StepId,
        next: StepId,
        index: u32,
        input: Input,
    ) -> Result<(), Need> {
        let node = self.node(join)?;
        let width = match &node.kind {
            Kind::Dag { roots, .. } => roots.len() as u32,
            Kind::Stage { feeds, .. } => feeds.len() as u32,
            _ => self.width(join)?,
        };
        if index >= width {
            return Ok(());
        }
        if self.members_left == 0 || self.bytes_left == 0 {
            let signal = Signal::Fan { next, index, input };
            return self.signal(join, &format!("fan:{index}"), &signal);
        }
        self.members_left -= 1;
        match &node.kind {
            Kind::Dag { roots, .. } => {
                self.push(Move::Fan { join, next, index: index + 1, input: input.clone() });
                self.push(Move::Begin(roots[index as usize], input));
                return Ok(());
            }
            Kind::Stage { feeds, .. } => {
                self.push(Move::Fan { join, next, index: index + 1, input: input.clone() });
                return self.feed_one(feeds[index as usize], Ok(input));
            }
            _ => {}
        }
        let after = self.node(next)?.end;
        self.push(Move::Fan { join, next: after, index: index + 1, input: input.clone() });
        self.push(Move::Begin(next, input));
        Ok(())
    }

    /// How many members a join has.
    pub(super) fn width(&self, join: StepId) -> Result<u32, Need> {
        Ok(match &self.node(join)?.kind {
            Kind::Group { width, .. } => *width,
            Kind::Fork { names, .. }
            | Kind::Dag { outputs: names, .. }
            | Kind::Stage { needs: names, .. } => names.len() as u32,
            _ => 0,
        })
    }

    /// A signal to a step of this workflow.
    fn signal(&mut self, step: StepId, what: &str, signal: &Signal) -> Result<(), Need> {
        let context = self.context;
        let (workflow, epoch, now) = (context.workflow, context.epoch, context.now);
        let mut message = outgoing::signal(workflow, workflow.id, step, epoch, what, signal, now);
        let scopes = self.scopes_within(Some(step))?;
        if let Some(place) = &mut message.rare_mut().workflow {
            place.scopes = scopes;
        }
        self.acts.push(Act::Send(message.into()));
        Ok(())
    }

    fn switch(
        &mut self,
        step: StepId,
        node: &Node,
        conditions: &[Condition],
        otherwise: bool,
        input: Input,
    ) -> Result<(), Need> {
        let read = match self.read(input.as_ref())? {
            Ok(read) => read,
            Err(reason) => return self.fail(step, Failure::new("switch", reason)),
        };
        let chosen = conditions.iter().position(|condition| holds(condition, &read));
        let chosen = chosen.or_else(|| otherwise.then_some(conditions.len()));
        let inner = step.0 + 1..node.inner_end.0;
        let Some(chosen) = chosen else {
            self.mark(inner.start, inner.end, Status::Skipped);
            self.push(Move::Completed(step, input));
            return Ok(());
        };
        let mut branch = StepId(inner.start);
        for _ in 0..chosen {
            branch = self.node(branch)?.end;
        }
        let end = self.node(branch)?.end;
        self.mark_one(step, Status::Running);
        self.mark(inner.start, branch.0, Status::Skipped);
        self.mark(end.0, inner.end, Status::Skipped);
        self.push(Move::Begin(branch, input));
        Ok(())
    }

    /// A value to look into: null if there is none; or why it can't be read.
    pub(super) fn read(&self, value: Option<&Value>) -> Result<Result<HeaderValue, String>, Need> {
        let inline = match value {
            None => return Ok(Ok(HeaderValue::Null)),
            Some(Value::Joined(reference)) => {
                let known = self.context.values.iter().find(|(known, _)| known == reference);
                let Some((_, value)) = known else {
                    return Err(Need::Value(reference.clone()));
                };
                value
            }
            Some(inline) => inline,
        };
        match inline {
            Value::Inline(content_type, bytes) => {
                let read = celeriac_core::body::decode(content_type, bytes);
                Ok(read.map_err(|error| error.to_string()))
            }
            Value::Joined(reference) => Err(Need::Value(reference.clone())),
        }
    }
}
