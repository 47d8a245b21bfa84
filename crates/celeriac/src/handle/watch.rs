//! Waiting: for changes of a workflow, and for its end.

use std::collections::BTreeMap;
use std::time::Duration;

use celeriac_core::store::Watch;
use celeriac_core::workflow::{End, Record, StepError, Value};
use celeriac_core::{ContentType, Failure, MessageId, State};
use futures_util::Stream;
use tokio::time::Instant;

use super::progress::{self, NodeProgress};
use super::{WorkflowHandle, WorkflowResultError};

/// Changes that come within this time of a look are seen by the next.
const PERIOD: Duration = Duration::from_millis(100);

/// What was told of a workflow, and what is to be told.
#[derive(Default)]
struct Followed {
    /// The workflow and its parts, with the versions that were looked at.
    versions: BTreeMap<MessageId, u64>,
    told: BTreeMap<String, NodeProgress>,
    /// The next last.
    news: Vec<NodeProgress>,
    looked: Option<Instant>,
    ended: bool,
}

impl<Out> WorkflowHandle<Out> {
    /// Every node whenever its progress has changed, all of them first, until
    /// the workflow has ended; the last is the whole. It waits for changes, and
    /// takes those within 100 ms together.
    pub fn events(
        &self,
    ) -> impl Stream<Item = Result<NodeProgress, WorkflowResultError>> + Send + use<Out> {
        let begin = (Self::clone(self), Followed::default());
        futures_util::stream::try_unfold(begin, async |(handle, mut followed)| {
            loop {
                if let Some(next) = followed.news.pop() {
                    return Ok(Some((next, (handle, followed))));
                }
                if followed.ended {
                    return Ok(None);
                }
                handle.change(&mut followed).await?;
                handle.look(&mut followed).await?;
            }
        })
    }

    /// Waits until something has changed that was not looked at.
    async fn change(&self, followed: &mut Followed) -> Result<(), WorkflowResultError> {
        let versions = &mut followed.versions;
        versions.entry(self.id).or_default();
        let watches = versions.iter().map(|(id, seen)| Watch { id: *id, seen: *seen });
        let watches: Vec<Watch> = watches.collect();
        versions.extend(self.store().await?.workflows_changed(&watches).await?);
        if let Some(looked) = followed.looked {
            tokio::time::sleep_until(looked + PERIOD).await;
        }
        Ok(())
    }

    async fn look(&self, followed: &mut Followed) -> Result<(), WorkflowResultError> {
        followed.looked = Some(Instant::now());
        let view = self.view().await?;
        // Of a part that has just begun, everything is new.
        for id in view.ids() {
            followed.versions.entry(id).or_default();
        }
        let progress = progress::of(&view);
        followed.ended = progress.status.is_terminal();
        let told = &mut followed.told;
        let changed = |node: &NodeProgress| told.get(&node.path) != Some(node);
        // The whole comes first in the list, and is told last.
        followed.news = progress.nodes.into_iter().filter(changed).collect();
        let news = followed.news.iter();
        followed.told.extend(news.map(|node| (node.path.clone(), node.clone())));
        Ok(())
    }

    /// Waits until an outcome is there. One that is, of a workflow that is being
    /// retried, is waited over.
    async fn ended(&self) -> Result<Option<Record>, WorkflowResultError> {
        let store = self.store().await?;
        let (mut seen, mut version) = (0, 0);
        loop {
            let changes = store.changed(&[Watch { id: self.id, seen }]).await?;
            let Some((_, entry)) = changes.into_iter().next() else { continue };
            seen = entry.version;
            if entry.outcome.is_none() {
                continue;
            }
            match self.record().await? {
                Some(Record { end: None, .. }) => {
                    let watches = [Watch { id: self.id, seen: version }];
                    let changes = store.workflows_changed(&watches).await?;
                    version = changes.first().map_or(version, |(_, version)| *version);
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
