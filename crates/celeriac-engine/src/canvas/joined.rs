//! Joins: the member that closed one goes on for the group.

use celeriac_core::Failure;
use celeriac_core::store::Joined;
use celeriac_core::workflow::{Form, Kind, Member, Policy, Reference, Status, StepId, Value};

use super::advance::{Act, Need, Stepper};
use super::id::scope_id;
use super::listing::assemble;

impl Stepper<'_> {
    /// Only the member that closed the join goes on, also when it comes again.
    pub(super) fn joined(&mut self, join: StepId, index: u32, answer: Joined) -> Result<(), Need> {
        if answer.closed_by != Some(index) {
            return Ok(());
        }
        let (policy, width) = (self.policy(join)?, self.width(join)?);
        if let (Some(failed), Policy::WaitAll | Policy::FailFast) = (answer.failed, policy) {
            if policy == Policy::FailFast {
                self.cancel_members(join)?;
            }
            // The first failure closed a join that fails fast, whichever came later.
            let from = if self.fails_fast(join)? { index } else { failed };
            self.acts.push(Act::Collect { join, from, count: 1 });
            return Ok(());
        }
        let limits = self.context.limits;
        if width <= limits.inline_members && answer.weight <= limits.inline_bytes {
            self.acts.push(Act::Collect { join, from: 0, count: width });
            return Ok(());
        }
        let (workflow, form) = (self.context.workflow.id, self.form(join)?);
        let reference = Reference { workflow, join, width, form };
        self.gathered(join, Value::Joined(reference))
    }

    /// The results of a closed join, or the error that it fails with.
    pub(super) fn collected(&mut self, join: StepId, members: Vec<Member>) -> Result<(), Need> {
        if self.policy(join)? != Policy::Settle
            && let Some(Member::Error(error)) = members.iter().find(|member| member.is_error())
        {
            return self.ungathered(join, error.clone());
        }
        match assemble(&self.form(join)?, &members) {
            Ok(value) => self.gathered(join, value),
            Err(error) => self.fail(join, Failure::new("group", error.to_string())),
        }
    }

    /// Members that wait, run or are still to be sent are cancelled by one
    /// revocation: their messages bear the group's scope.
    pub(super) fn cancel_members(&mut self, join: StepId) -> Result<(), Need> {
        let (workflow, epoch) = (self.context.workflow.id, self.context.epoch);
        self.acts.push(Act::Cancel(scope_id(workflow, join, epoch)));
        let end = self.node(join)?.inner_end;
        self.mark(join.0 + 1, end.0, Status::Cancelled);
        Ok(())
    }

    fn form(&self, join: StepId) -> Result<Form, Need> {
        let settled = self.policy(join)? == Policy::Settle;
        Ok(match (&self.node(join)?.kind, settled) {
            (Kind::Fork { names, .. } | Kind::Dag { outputs: names, .. }, true) => {
                Form::SettledNamed(names.clone())
            }
            (
                Kind::Fork { names, .. }
                | Kind::Dag { outputs: names, .. }
                | Kind::Stage { needs: names, .. },
                _,
            ) => Form::Named(names.clone()),
            (_, false) => Form::List,
            (_, true) => Form::Settled,
        })
    }
}
