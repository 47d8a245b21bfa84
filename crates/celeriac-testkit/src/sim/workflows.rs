//! Workflows and joins as a simulated process sees them.

use celeriac_core::error::Result;
use celeriac_core::store::{
    Join, Joined, Joins, Reopen, StoreId, Transition, Watch, WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, MessageId};

use super::link::Link;
use super::planted::Bug;
use super::sky::State;
use crate::faulty::Operation;

impl Workflows for Link {
    fn store_id(&self) -> Option<StoreId> {
        self.store().store_id()
    }

    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        let call = move || async move {
            let noted = Vec::from_iter(batch.iter().map(|new| new.workflow.id));
            let answer = self.store().create(batch).await?;
            self.trace(|state| {
                let ids = Vec::from_iter(noted.iter().map(|id| state.id(*id)));
                format!("creates workflow {}", ids.join(", "))
            });
            Ok(answer)
        };
        Box::pin(self.call(Operation::Create, call))
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(self.call(Operation::WorkflowRecords, move || self.store().workflows(ids)))
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(self.call(Operation::Pages, move || self.store().pages(graph, steps)))
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        let call = move || async move {
            let noted = batch.clone();
            let answer = self.store().transition(batch).await?;
            self.trace(|state| {
                let changed = noted.iter().zip(&answer).map(|(to, changed)| {
                    let end =
                        to.end.as_ref().map_or("runs".to_owned(), |end| end.status().to_string());
                    format!("{} {end}{}", state.id(to.id), if *changed { "" } else { " (no)" })
                });
                format!("workflow {}", Vec::from_iter(changed).join(", "))
            });
            Ok(answer)
        };
        Box::pin(self.call(Operation::Transition, call))
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call(Operation::MarkSteps, move || self.store().mark_steps(batch)))
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(self.call(Operation::Steps, move || self.store().steps(workflow, first, max)))
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        let call = move || self.store().workflows_changed(watches);
        Box::pin(self.wait(Operation::WorkflowsChanged, call))
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(self.call(Operation::List, move || self.store().list(filter, max)))
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.call(Operation::ForgetWorkflows, move || self.store().forget_workflows(ids)))
    }
}

impl Joins for Link {
    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        Box::pin(
            self.call(Operation::Members, move || self.store().members(workflow, join, from, max)),
        )
    }

    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        let call = move || async move {
            let noted = batch.clone();
            let mut answer = self.store().join(batch).await?;
            self.joined(&noted, &mut answer);
            Ok(answer)
        };
        Box::pin(self.call(Operation::Join, call))
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        let call = move || async move {
            let noted = batch.clone();
            self.store().reopen(batch).await?;
            self.state().history.reopened(&noted);
            Ok(())
        };
        Box::pin(self.call(Operation::Reopen, call))
    }
}

impl Link {
    /// Notes what has come in; answers as the planted bug wants it.
    pub(super) fn joined(&self, batch: &[Join], answer: &mut [Joined]) {
        if self.bug == Some(Bug::Counter) {
            self.state().count(batch, answer);
        }
        self.state().history.joined(batch, answer);
        self.trace(|state| joins(state, batch, answer));
    }
}

fn joins(state: &mut State, batch: &[Join], answer: &[Joined]) -> String {
    let each = batch.iter().zip(answer).map(|(join, joined)| {
        let end = if join.member.is_error() { "failed" } else { "ended" };
        let closed = joined.closed_by.map_or(String::new(), |by| format!(", closed by {by}"));
        let workflow = state.id(join.workflow);
        format!("member {} {end} in {} of {workflow}{closed}", join.index, join.join)
    });
    format!("joins {}", Vec::from_iter(each).join("; "))
}
