//! The owner's workflows and joins: written by the writer, read by the reader.

use celeriac_core::MessageId;
use celeriac_core::error::Result;
use celeriac_core::store::{Join, Joined, Reopen, Transition, Watch, WorkflowFilter};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Owner;
use crate::durable::changes::{
    Create, ForgetWorkflows, JoinMembers, MarkSteps, ReopenMembers, Transit,
};
use crate::durable::reader::Consult;
use crate::durable::workflow_rows as rows;

impl Owner {
    pub(crate) async fn create(&self, batch: Vec<NewWorkflow>) -> Result<Vec<bool>> {
        self.write(Create(batch)).await
    }

    pub(crate) async fn workflows(&self, ids: &[MessageId]) -> Result<Vec<Option<Record>>> {
        let ids = ids.to_vec();
        self.consult("workflows", move |disk| rows::records(disk, &ids)).await
    }

    pub(crate) async fn pages(
        &self,
        graph: MessageId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Page>>> {
        let steps = steps.to_vec();
        self.consult("pages", move |disk| rows::pages(disk, graph, &steps)).await
    }

    pub(crate) async fn transition(&self, batch: Vec<Transition>) -> Result<Vec<bool>> {
        self.write(Transit(batch)).await
    }

    pub(crate) async fn mark_steps(&self, batch: Vec<StepMark>) -> Result<()> {
        self.write(MarkSteps(batch)).await
    }

    pub(crate) async fn steps(
        &self,
        id: MessageId,
        first: StepId,
        max: usize,
    ) -> Result<Vec<Status>> {
        self.consult("steps", move |disk| rows::steps(disk, id, first, max)).await
    }

    pub(crate) async fn workflows_changed(
        &self,
        watches: &[Watch],
    ) -> Result<Vec<(MessageId, u64)>> {
        self.hub.workflows_changed(watches).await
    }

    pub(crate) async fn list(&self, filter: &WorkflowFilter, max: usize) -> Result<Vec<Record>> {
        let filter = filter.clone();
        self.consult("list", move |disk| rows::list(disk, &filter, max)).await
    }

    pub(crate) async fn forget_workflows(&self, ids: &[MessageId]) -> Result<u64> {
        self.write(ForgetWorkflows(ids.to_vec())).await
    }

    pub(crate) async fn join(&self, batch: Vec<Join>) -> Result<Vec<Joined>> {
        self.write(JoinMembers(batch)).await
    }

    pub(crate) async fn members(
        &self,
        id: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> Result<Vec<(u32, Member)>> {
        self.consult("members", move |disk| rows::members(disk, id, join, from, max)).await
    }

    pub(crate) async fn reopen(&self, batch: Vec<Reopen>) -> Result<()> {
        self.write(ReopenMembers(batch)).await
    }

    /// Asks the reader something of its own.
    async fn consult<T: Send + 'static>(
        &self,
        operation: &'static str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.hub.check_open(operation)?;
        let (sender, answer) = oneshot::channel();
        let question = move |disk: &Connection| {
            // Who no longer waits needs no answer.
            drop(sender.send(question(disk)?));
            Ok(())
        };
        self.read(operation, Consult(Box::new(question))).await?;
        answer.await.map_err(|_| self.hub.closed(operation))
    }
}
