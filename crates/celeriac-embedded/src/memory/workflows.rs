//! [`Workflows`] and [`Joins`] in memory.

use celeriac_core::error::Result;
use celeriac_core::store::{
    Join, Joined, Joins, Reopen, StoreId, Transition, Watch, WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, MessageId, Timestamp};

use super::Memory;

impl Workflows for Memory {
    fn store_id(&self) -> Option<StoreId> {
        Some(self.store_id)
    }

    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            self.hub.check_open("create")?;
            let now = Timestamp::now();
            let ids = Vec::from_iter(batch.iter().map(|new| new.workflow.id));
            let created = {
                let mut workflows = self.workflows.lock();
                batch.into_iter().map(|new| workflows.create(new, now)).collect()
            };
            self.hub.workflows_grow(ids);
            Ok(created)
        })
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(async move {
            self.hub.check_open("workflows")?;
            let workflows = self.workflows.lock();
            Ok(ids.iter().map(|id| workflows.record(*id)).collect())
        })
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(async move {
            self.hub.check_open("pages")?;
            let pages = {
                let workflows = self.workflows.lock();
                Vec::from_iter(steps.iter().map(|step| workflows.page(graph, *step)))
            };
            Ok(pages.into_iter().map(|page| page.map(|page| Page::clone(&page))).collect())
        })
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            self.hub.check_open("transition")?;
            let ids = Vec::from_iter(batch.iter().map(|transition| transition.id));
            let changed = {
                let mut workflows = self.workflows.lock();
                batch.into_iter().map(|transition| workflows.transition(transition)).collect()
            };
            self.hub.workflows_grow(ids);
            Ok(changed)
        })
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("mark_steps")?;
            self.note_steps(&batch);
            Ok(())
        })
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(async move {
            self.hub.check_open("steps")?;
            Ok(self.workflows.lock().steps(workflow, first, max))
        })
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        Box::pin(self.hub.workflows_changed(watches))
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(async move {
            self.hub.check_open("list")?;
            Ok(self.workflows.lock().list(filter, max))
        })
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.hub.check_open("forget_workflows")?;
            let forgotten = {
                let mut workflows = self.workflows.lock();
                ids.iter().filter(|id| workflows.forget(**id)).count()
            };
            self.hub.workflows_grow(ids.iter().copied());
            Ok(forgotten as u64)
        })
    }
}

impl Memory {
    pub(super) fn note_steps(&self, batch: &[StepMark]) {
        {
            let mut workflows = self.workflows.lock();
            batch.iter().for_each(|mark| workflows.mark(mark));
        }
        self.hub.workflows_grow(batch.iter().map(|mark| mark.workflow));
    }

    pub(super) fn join_all(&self, batch: Vec<Join>) -> Vec<Joined> {
        let mut workflows = self.workflows.lock();
        batch.into_iter().map(|join| workflows.join(join)).collect()
    }
}

impl Joins for Memory {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        Box::pin(async move {
            self.hub.check_open("join")?;
            Ok(self.join_all(batch))
        })
    }

    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        Box::pin(async move {
            self.hub.check_open("members")?;
            Ok(self.workflows.lock().members(workflow, join, from, max))
        })
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("reopen")?;
            let mut workflows = self.workflows.lock();
            batch.iter().for_each(|reopen| workflows.reopen(reopen));
            Ok(())
        })
    }
}
