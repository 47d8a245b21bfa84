//! Waiting: for changes of a workflow, and for its end.

use std::collections::BTreeMap;
use std::time::Duration;

use celeriac_core::store::Watch;
use celeriac_core::workflow::{End, Record, StepError, Value};
use celeriac_core::{ContentType, Failure, State};
use futures_util::Stream;

use super::progress::NodeProgress;
use super::{WorkflowHandle, WorkflowResultError};

/// How often the steps of a workflow are looked at.
const PERIOD: Duration = Duration::from_millis(100);

impl<Out> WorkflowHandle<Out> {
    /// Every node whenever its progress has changed, all of them first, until
    /// the workflow has ended; the last is the whole. Changes that pass within
    /// 100 ms may be skipped.
    pub fn events(
        &self,
    ) -> impl Stream<Item = Result<NodeProgress, WorkflowResultError>> + Send + use<Out> {
        let begin = (Self::clone(self), BTreeMap::new(), Vec::new(), false);
        futures_util::stream::try_unfold(begin, async |(handle, mut seen, mut news, ended)| {
            loop {
                if let Some(next) = news.pop() {
                    return Ok(Some((next, (handle, seen, news, ended))));
                }
                if ended {
                    return Ok(None);
                }
                if !seen.is_empty() {
                    handle.pause().await?;
                }
                let progress = handle.progress().await?;
                let over = progress.status.is_terminal();
                let changed = |node: &NodeProgress| seen.get(&node.path) != Some(node);
                let all = progress.nodes.into_iter();
                // The whole comes first in the list, and is told last.
                news = all.filter(changed).collect::<Vec<_>>();
                seen.extend(news.iter().map(|node| (node.path.clone(), node.clone())));
                if over {
                    return Ok(news.pop().map(|next| (next, (handle, seen, news, true))));
                }
            }
        })
    }

    /// Waits for the end, but no longer than a period.
    async fn pause(&self) -> Result<(), WorkflowResultError> {
        let _ = tokio::time::timeout(PERIOD, self.ended()).await;
        Ok(())
    }

    /// Waits until an outcome is there. One that is, of a workflow that is being
    /// retried, is waited over.
    async fn ended(&self) -> Result<Option<Record>, WorkflowResultError> {
        let store = self.store().await?;
        let mut seen = 0;
        loop {
            let changes = store.changed(&[Watch { id: self.id, seen }]).await?;
            let Some((_, entry)) = changes.into_iter().next() else { continue };
            seen = entry.version;
            if entry.outcome.is_none() {
                continue;
            }
            match self.record().await? {
                Some(Record { end: None, .. }) => {
                    tokio::time::sleep(PERIOD).await;
                    seen = 0;
                }
                record => return Ok(record),
            }
        }
    }

    /// Waits for the end; the result as it is stored.
    pub(super) async fn value(&self) -> Result<Value, WorkflowResultError> {
        let Some(record) = self.ended().await? else { return self.outcome().await };
        match record.end {
            Some(End::Success(value)) => Ok(value.unwrap_or_else(|| Value::json("null"))),
            Some(End::Failure(error)) => Err(WorkflowResultError::Failed { id: self.id, error }),
            Some(End::Cancelled) => Err(WorkflowResultError::Cancelled(self.id)),
            None => Err(WorkflowResultError::Unknown(self.id)),
        }
    }

    /// The result as it is kept where the workflow is not kept any more.
    async fn outcome(&self) -> Result<Value, WorkflowResultError> {
        let entries = self.store().await?.entries(&[self.id]).await?;
        let outcome = entries.into_iter().next().flatten().and_then(|entry| entry.outcome);
        let Some(outcome) = outcome else { return Err(WorkflowResultError::Unknown(self.id)) };
        let unknown = || Failure::new("unknown", "the outcome bears no failure");
        match outcome.state {
            State::Success if outcome.content_type == ContentType::Json => {
                Ok(Value::json(outcome.value))
            }
            State::Success => Ok(Value::Inline(outcome.content_type, outcome.value)),
            State::Revoked => Err(WorkflowResultError::Cancelled(self.id)),
            _ => {
                let failure = outcome.failure.map_or_else(unknown, |failure| *failure);
                let (id, task) = (self.id, celeriac_core::Name::from_static("workflow"));
                let error = Box::new(StepError { id, task, failure, path: Vec::new() });
                Err(WorkflowResultError::Failed { id, error })
            }
        }
    }
}
