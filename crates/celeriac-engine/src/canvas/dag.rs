//! Stages that need each other: how they are compiled, and how a result or an
//! error goes on from one to those that need it.
//!
//! A stage that needs several is a join of its own, so that each keeps what it
//! needs for itself, and one that needs one follows like a step of a chain. An
//! error goes the same ways as a result: who needs it is skipped, and every way
//! leads to the end, so that everything closes.

use std::collections::BTreeMap;

use celeriac_core::Failure;
use celeriac_core::workflow::{
    Feed, Kind, MAX_STEPS, Member, Policy, Stage, Status, StepError, StepId, Then, Value,
};

use super::advance::{Input, Move, Need, Stepper};
use super::compile::{CompileError, Compiler, Place};
use super::listing;

impl Compiler {
    /// The stages within `dag`, and the ways between them.
    pub(super) fn dag(&mut self, dag: StepId, stages: &[Stage]) -> Result<(), CompileError> {
        let numbers = self.numbers(stages)?;
        let (feeds, outputs) = self.ways(stages, &numbers)?;
        let mut steps = Vec::with_capacity(stages.len());
        for (position, (stage, feeds)) in (0..).zip(stages.iter().zip(&feeds)) {
            let Stage { name, needs, settle, canvas } = stage;
            let feeds = feeds.clone();
            let (name, needs, settle) = (name.clone(), needs.clone(), *settle);
            let kind = Kind::Stage { name: name.clone(), needs, feeds, settle };
            let place = Place { parent: Some(dag), position, then: Then::Parent };
            let step = self.open(kind, place)?;
            self.path.push(format!("dag[{name}]"));
            self.add(canvas, Place { parent: Some(step), position: 0, then: Then::Parent })?;
            self.path.pop();
            self.close(step, &[], &[])?;
            steps.push(step);
        }
        // Until now ways led to the stages' numbers: now to their steps.
        for step in &steps {
            if let Kind::Stage { feeds, .. } = &mut self.nodes[step.0 as usize].kind {
                for feed in feeds {
                    feed.to = steps.get(feed.to.0 as usize).copied().unwrap_or(dag);
                }
            }
        }
        if let Kind::Dag { roots, outputs: names, .. } = &mut self.nodes[dag.0 as usize].kind {
            let rooted = stages.iter().zip(&steps).filter(|(stage, _)| stage.needs.is_empty());
            *roots = rooted.map(|(_, step)| *step).collect();
            *names = outputs.into_iter().map(|number| stages[number].name.clone()).collect();
        }
        Ok(())
    }

    fn numbers<'a>(&self, stages: &'a [Stage]) -> Result<BTreeMap<&'a str, usize>, CompileError> {
        let mut numbers = BTreeMap::new();
        for (number, stage) in stages.iter().enumerate() {
            if numbers.insert(stage.name.as_str(), number).is_some() {
                let (place, name) = (self.place(), stage.name.clone());
                return Err(CompileError::SameStep { place, name });
            }
        }
        Ok(numbers)
    }

    /// The stages that each one feeds, by their numbers, and those that feed the
    /// whole, whose number is that after the last stage.
    fn ways(
        &self,
        stages: &[Stage],
        numbers: &BTreeMap<&str, usize>,
    ) -> Result<(Vec<Vec<Feed>>, Vec<usize>), CompileError> {
        let ways = stages.iter().map(|stage| stage.needs.len()).sum::<usize>();
        if ways > MAX_STEPS {
            return Err(CompileError::TooManySteps { place: self.place() });
        }
        let mut feeds = vec![Vec::new(); stages.len()];
        for (number, stage) in stages.iter().enumerate() {
            for (index, need) in (0..).zip(&stage.needs) {
                let (place, name) = (self.place(), stage.name.clone());
                let Some(needed) = numbers.get(need.as_str()) else {
                    return Err(CompileError::UnknownNeed { place, name, need: need.clone() });
                };
                if stage.needs[..index as usize].contains(need) {
                    return Err(CompileError::NeedsTwice { place, name, need: need.clone() });
                }
                feeds[*needed].push(Feed { to: StepId(number as u32), index });
            }
        }
        self.no_cycle(stages, &feeds)?;
        let outputs: Vec<usize> = (0..stages.len()).filter(|at| feeds[*at].is_empty()).collect();
        for (index, output) in (0..).zip(&outputs) {
            feeds[*output].push(Feed { to: StepId(stages.len() as u32), index });
        }
        Ok((feeds, outputs))
    }

    fn no_cycle(&self, stages: &[Stage], feeds: &[Vec<Feed>]) -> Result<(), CompileError> {
        let mut missing: Vec<usize> = stages.iter().map(|stage| stage.needs.len()).collect();
        let mut ready: Vec<usize> = (0..stages.len()).filter(|at| missing[*at] == 0).collect();
        while let Some(stage) = ready.pop() {
            for feed in &feeds[stage] {
                let fed = feed.to.0 as usize;
                missing[fed] -= 1;
                if missing[fed] == 0 {
                    ready.push(fed);
                }
            }
        }
        match missing.iter().position(|missing| *missing > 0) {
            None => Ok(()),
            Some(at) => {
                let (place, name) = (self.place(), stages[at].name.clone());
                Err(CompileError::Cycle { place, name })
            }
        }
    }
}

impl Stepper<'_> {
    /// What a stage runs has failed, or will not run: its error goes on.
    pub(super) fn feed_error(&mut self, stage: StepId, error: Box<StepError>) -> Result<(), Need> {
        let Kind::Stage { feeds, settle, .. } = &self.node(stage)?.kind else {
            return Ok(());
        };
        if *settle {
            return self.feed_settled(stage, Member::Error(error));
        }
        for feed in feeds {
            self.feed_one(*feed, Err(error.clone()))?;
        }
        Ok(())
    }

    /// What a stage gives goes on; if it settles, with how it ended.
    pub(super) fn feed(&mut self, stage: StepId, value: Input) -> Result<(), Need> {
        if matches!(self.node(stage)?.kind, Kind::Stage { settle: true, .. }) {
            let value = value.unwrap_or_else(|| Value::json("null"));
            return self.feed_settled(stage, Member::Value(value));
        }
        self.push(Move::Fan { join: stage, next: stage, index: 0, input: value });
        Ok(())
    }

    fn feed_settled(&mut self, stage: StepId, member: Member) -> Result<(), Need> {
        let member = match member {
            Member::Value(Value::Joined(reference)) => {
                let known = self.context.values.iter().find(|(known, _)| *known == reference);
                Member::Value(known.ok_or(Need::Value(reference))?.1.clone())
            }
            member => member,
        };
        match listing::settled(&member) {
            Ok(value) => {
                self.push(Move::Fan { join: stage, next: stage, index: 0, input: Some(value) });
                Ok(())
            }
            Err(error) => self.fail(stage, Failure::new("stage", error.to_string())),
        }
    }

    /// One way from a stage: into a join, or at once to what needs only this.
    pub(super) fn feed_one(
        &mut self,
        feed: Feed,
        result: Result<Input, Box<StepError>>,
    ) -> Result<(), Need> {
        let Feed { to, index } = feed;
        let (is_stage, gathers) = match &self.node(to)?.kind {
            Kind::Stage { needs, .. } => (true, needs.len() > 1),
            Kind::Dag { outputs, policy, .. } => {
                (false, outputs.len() > 1 || *policy == Policy::Settle)
            }
            _ => return Ok(()),
        };
        match result {
            Ok(value) if gathers => {
                let value = value.unwrap_or_else(|| Value::json("null"));
                self.join(to, index, Member::Value(value))?;
            }
            Err(error) if gathers => self.join(to, index, Member::Error(error))?,
            Ok(value) if is_stage => self.push(Move::Begin(to, value)),
            Ok(value) => self.push(Move::Completed(to, value)),
            Err(error) if is_stage => self.push(Move::Skip(to, error)),
            Err(error) => {
                if self.policy(to)? == Policy::FailFast {
                    self.cancel_members(to)?;
                }
                self.push(Move::Failed(to, error));
            }
        }
        Ok(())
    }

    /// The results that a stage needs, or those of the whole, are there.
    pub(super) fn gathered(&mut self, join: StepId, value: Value) -> Result<(), Need> {
        let next = match self.node(join)?.kind {
            Kind::Stage { .. } => Move::Begin(join, Some(value)),
            _ => Move::Completed(join, Some(value)),
        };
        self.push(next);
        Ok(())
    }

    /// Something that a join waited for has failed.
    pub(super) fn ungathered(&mut self, join: StepId, error: Box<StepError>) -> Result<(), Need> {
        let next = match self.node(join)?.kind {
            Kind::Stage { .. } => Move::Skip(join, error),
            _ => Move::Failed(join, error),
        };
        self.push(next);
        Ok(())
    }

    /// A stage will not run: something that it needs has failed.
    pub(super) fn skip(&mut self, stage: StepId, error: Box<StepError>) -> Result<(), Need> {
        let end = self.node(stage)?.end;
        self.mark(stage.0, end.0, Status::Skipped);
        self.feed_error(stage, error)
    }

    /// Whether the first failure closes a join: that of a stage if it does so
    /// for the whole.
    pub(super) fn fails_fast(&self, join: StepId) -> Result<bool, Need> {
        let node = self.node(join)?;
        match (&node.kind, node.parent) {
            (Kind::Stage { .. }, Some(dag)) => Ok(self.policy(dag)? == Policy::FailFast),
            _ => Ok(self.policy(join)? == Policy::FailFast),
        }
    }
}
