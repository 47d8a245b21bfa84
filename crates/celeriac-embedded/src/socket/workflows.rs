//! Workflows and joins over the socket: what a client may ask, what the owner
//! does for it, and the client's side.

use celeriac_core::MessageId;
use celeriac_core::error::Result;
use celeriac_core::store::{Join, Joined, Reopen, Transition, Watch, WorkflowFilter};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use serde::{Deserialize, Serialize};

use super::GOOD_FRAME;
use super::answer::{Answer, answer};
use super::client::Client;
use super::request::Request;
use crate::durable::Owner;

/// How many records, pages or statuses one request asks for.
const PART: usize = 128;
/// How many statuses of steps one request asks for.
const STATUSES: usize = 1 << 20;

/// What a client may ask of workflows and joins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WorkflowRequest {
    /// Keeps workflows. Answer: for each whether it is new.
    Create(Vec<NewWorkflow>),
    /// Answer: a record or nil for each id.
    Workflows(Vec<MessageId>),
    /// Answer: a page or nil for each step of a graph.
    Pages(MessageId, Vec<StepId>),
    /// Answer: for each transition whether something changed.
    Transition(Vec<Transition>),
    /// Answer: nil.
    MarkSteps(Vec<StepMark>),
    /// A workflow, its first step that is meant, how many. Answer: statuses.
    Steps(MessageId, StepId, u64),
    /// Waits for changes. Answer: ids with versions.
    Changed(Vec<Watch>),
    /// A filter and how many at most. Answer: records.
    List(WorkflowFilter, u64),
    /// Answer: how many there were.
    Forget(Vec<MessageId>),
    /// Answer: what is known of each join.
    Join(Vec<Join>),
    /// A workflow, its join, the first index, how many. Answer: members.
    Members(MessageId, StepId, u32, u64),
    /// Answer: nil.
    Reopen(Vec<Reopen>),
}

/// Works on a request; gives the frame that answers it.
pub(super) async fn work(owner: &Owner, number: u64, request: WorkflowRequest) -> Answer {
    let count = |max: u64| usize::try_from(max).unwrap_or(usize::MAX);
    match request {
        WorkflowRequest::Create(batch) => answer(number, &owner.create(batch).await?),
        WorkflowRequest::Workflows(ids) => answer(number, &owner.workflows(&ids).await?),
        WorkflowRequest::Pages(graph, steps) => answer(number, &owner.pages(graph, &steps).await?),
        WorkflowRequest::Transition(batch) => answer(number, &owner.transition(batch).await?),
        WorkflowRequest::MarkSteps(batch) => answer(number, &owner.mark_steps(batch).await?),
        WorkflowRequest::Steps(id, first, max) => {
            answer(number, &owner.steps(id, first, count(max)).await?)
        }
        WorkflowRequest::Changed(watches) => {
            answer(number, &owner.workflows_changed(&watches).await?)
        }
        WorkflowRequest::List(filter, max) => {
            answer(number, &owner.list(&filter, count(max)).await?)
        }
        WorkflowRequest::Forget(ids) => answer(number, &owner.forget_workflows(&ids).await?),
        WorkflowRequest::Join(batch) => answer(number, &owner.join(batch).await?),
        WorkflowRequest::Members(id, join, from, max) => {
            answer(number, &owner.members(id, join, from, count(max)).await?)
        }
        WorkflowRequest::Reopen(batch) => answer(number, &owner.reopen(batch).await?),
    }
}

impl Client {
    pub(crate) async fn create(&self, batch: Vec<NewWorkflow>) -> Result<Vec<bool>> {
        self.ask_workflows("create", WorkflowRequest::Create(batch)).await
    }

    pub(crate) async fn workflows(&self, ids: &[MessageId]) -> Result<Vec<Option<Record>>> {
        let mut records = Vec::with_capacity(ids.len());
        for part in ids.chunks(PART) {
            let request = WorkflowRequest::Workflows(part.to_vec());
            let of_part: Vec<Option<Record>> = self.ask_workflows("workflows", request).await?;
            records.extend(of_part);
        }
        Ok(records)
    }

    pub(crate) async fn pages(
        &self,
        graph: MessageId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Page>>> {
        let mut pages = Vec::with_capacity(steps.len());
        for part in steps.chunks(PART) {
            let request = WorkflowRequest::Pages(graph, part.to_vec());
            let of_part: Vec<Option<Page>> = self.ask_workflows("pages", request).await?;
            pages.extend(of_part);
        }
        Ok(pages)
    }

    pub(crate) async fn transition(&self, batch: Vec<Transition>) -> Result<Vec<bool>> {
        self.ask_workflows("transition", WorkflowRequest::Transition(batch)).await
    }

    pub(crate) async fn mark_steps(&self, batch: Vec<StepMark>) -> Result<()> {
        self.ask_workflows("mark_steps", WorkflowRequest::MarkSteps(batch)).await
    }

    pub(crate) async fn steps(
        &self,
        id: MessageId,
        first: StepId,
        max: usize,
    ) -> Result<Vec<Status>> {
        let max = max.min(STATUSES) as u64;
        self.ask_workflows("steps", WorkflowRequest::Steps(id, first, max)).await
    }

    pub(crate) async fn workflows_changed(
        &self,
        watches: &[Watch],
    ) -> Result<Vec<(MessageId, u64)>> {
        let request = WorkflowRequest::Changed(watches.to_vec());
        self.ask_workflows("workflows_changed", request).await
    }

    pub(crate) async fn list(&self, filter: &WorkflowFilter, max: usize) -> Result<Vec<Record>> {
        let request = WorkflowRequest::List(filter.clone(), max as u64);
        self.ask_workflows("list", request).await
    }

    pub(crate) async fn forget_workflows(&self, ids: &[MessageId]) -> Result<u64> {
        self.ask_workflows("forget_workflows", WorkflowRequest::Forget(ids.to_vec())).await
    }

    /// Members are cut so that a frame stays small.
    pub(crate) async fn join(&self, batch: Vec<Join>) -> Result<Vec<Joined>> {
        let (mut joined, mut part, mut room) =
            (Vec::with_capacity(batch.len()), Vec::new(), GOOD_FRAME);
        for join in batch {
            let weight = 256 + join.member.weight().min(GOOD_FRAME as u64 / 4) as usize;
            if room < weight {
                let request = WorkflowRequest::Join(std::mem::take(&mut part));
                joined.extend(self.ask_workflows::<Vec<Joined>>("join", request).await?);
                room = GOOD_FRAME;
            }
            room -= weight;
            part.push(join);
        }
        let request = WorkflowRequest::Join(part);
        joined.extend(self.ask_workflows::<Vec<Joined>>("join", request).await?);
        Ok(joined)
    }

    pub(crate) async fn members(
        &self,
        id: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> Result<Vec<(u32, Member)>> {
        let request = WorkflowRequest::Members(id, join, from, max as u64);
        self.ask_workflows("members", request).await
    }

    pub(crate) async fn reopen(&self, batch: Vec<Reopen>) -> Result<()> {
        self.ask_workflows("reopen", WorkflowRequest::Reopen(batch)).await
    }

    async fn ask_workflows<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        request: WorkflowRequest,
    ) -> Result<T> {
        self.link().ask(operation, &Request::OfWorkflows(Box::new(request))).await
    }
}
