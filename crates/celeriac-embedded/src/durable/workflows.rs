//! Workflows and joins on disk: the owner's, or the client's.

use celeriac_core::error::Result;
use celeriac_core::store::{
    Join, Joined, Joins, Reopen, StoreId, Transition, Watch, WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, MessageId};

use super::Durable;
use super::place::Role;

impl Workflows for Durable {
    fn store_id(&self) -> Option<StoreId> {
        Some(self.store_id)
    }

    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            match self.place.role("create").await? {
                Role::Owner(own) => own.owner.create(batch).await,
                Role::Client(client) => client.create(batch).await,
            }
        })
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(async move {
            match self.place.role("workflows").await? {
                Role::Owner(own) => own.owner.workflows(ids).await,
                Role::Client(client) => client.workflows(ids).await,
            }
        })
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(async move {
            match self.place.role("pages").await? {
                Role::Owner(own) => own.owner.pages(graph, steps).await,
                Role::Client(client) => client.pages(graph, steps).await,
            }
        })
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            match self.place.role("transition").await? {
                Role::Owner(own) => own.owner.transition(batch).await,
                Role::Client(client) => client.transition(batch).await,
            }
        })
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("mark_steps").await? {
                Role::Owner(own) => own.owner.mark_steps(batch).await,
                Role::Client(client) => client.mark_steps(batch).await,
            }
        })
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(async move {
            match self.place.role("steps").await? {
                Role::Owner(own) => own.owner.steps(workflow, first, max).await,
                Role::Client(client) => client.steps(workflow, first, max).await,
            }
        })
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        Box::pin(async move {
            match self.place.role("workflows_changed").await? {
                Role::Owner(own) => own.owner.workflows_changed(watches).await,
                Role::Client(client) => client.workflows_changed(watches).await,
            }
        })
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(async move {
            match self.place.role("list").await? {
                Role::Owner(own) => own.owner.list(filter, max).await,
                Role::Client(client) => client.list(filter, max).await,
            }
        })
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            match self.place.role("forget_workflows").await? {
                Role::Owner(own) => own.owner.forget_workflows(ids).await,
                Role::Client(client) => client.forget_workflows(ids).await,
            }
        })
    }
}

impl Joins for Durable {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        Box::pin(async move {
            match self.place.role("join").await? {
                Role::Owner(own) => own.owner.join(batch).await,
                Role::Client(client) => client.join(batch).await,
            }
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
            match self.place.role("members").await? {
                Role::Owner(own) => own.owner.members(workflow, join, from, max).await,
                Role::Client(client) => client.members(workflow, join, from, max).await,
            }
        })
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("reopen").await? {
                Role::Owner(own) => own.owner.reopen(batch).await,
                Role::Client(client) => client.reopen(batch).await,
            }
        })
    }
}
