//! Workflows and joins of [`Faulty`].

use celeriac_core::error::Result;
use celeriac_core::store::{
    Join, Joined, Joins, Reopen, StoreId, Transition, Watch, WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, MessageId, Store};

use super::{Faulty, Operation};

impl Workflows for Faulty<dyn Store> {
    fn store_id(&self) -> Option<StoreId> {
        self.inner.store_id()
    }

    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        let call = move || self.inner.create(batch);
        Box::pin(self.plan.run(Operation::Create, call))
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        let call = move || self.inner.workflows(ids);
        Box::pin(self.plan.run(Operation::WorkflowRecords, call))
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        let call = move || self.inner.pages(graph, steps);
        Box::pin(self.plan.run(Operation::Pages, call))
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        let call = move || self.inner.transition(batch);
        Box::pin(self.plan.run(Operation::Transition, call))
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        let call = move || self.inner.mark_steps(batch);
        Box::pin(self.plan.run(Operation::MarkSteps, call))
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        let call = move || self.inner.steps(workflow, first, max);
        Box::pin(self.plan.run(Operation::Steps, call))
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        let call = move || self.inner.workflows_changed(watches);
        Box::pin(self.plan.run(Operation::WorkflowsChanged, call))
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        let call = move || self.inner.list(filter, max);
        Box::pin(self.plan.run(Operation::List, call))
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        let call = move || self.inner.forget_workflows(ids);
        Box::pin(self.plan.run(Operation::ForgetWorkflows, call))
    }
}

impl Joins for Faulty<dyn Store> {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        let call = move || self.inner.join(batch);
        Box::pin(self.plan.run(Operation::Join, call))
    }

    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        let call = move || self.inner.members(workflow, join, from, max);
        Box::pin(self.plan.run(Operation::Members, call))
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        let call = move || self.inner.reopen(batch);
        Box::pin(self.plan.run(Operation::Reopen, call))
    }
}
