//! Results: a handle of a task that was sent.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::body::{self, DecodeError};
use celeriac_core::outcome::{Completion, Entry, Outcome, Progress};
use celeriac_core::store::Watch;
use celeriac_core::workflow::Value;
use celeriac_core::{ContentType, Failure, MessageId, State, Store, Timestamp};
use celeriac_engine::canvas::{Resolver, Wanted};
use futures_util::Stream;
use serde::de::DeserializeOwned;

use crate::connect::Error;

/// How often a store that can't be reached is asked again.
const PATIENCE: u32 = 100;
/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The task failed for good.
    #[error("the task {id} failed: {failure}")]
    Failed {
        /// The task.
        id: MessageId,
        /// Its last failure.
        failure: Failure,
    },
    /// The task could not be run; it waits in quarantine.
    #[error("the task {id} is in quarantine: {failure}; see `celeriac quarantine show {id}`")]
    Quarantined {
        /// The task.
        id: MessageId,
        /// Why.
        failure: Failure,
    },
    /// The task was revoked.
    #[error("the task {0} was revoked")]
    Revoked(MessageId),
    /// The task ended, but keeps no value.
    #[error("the task {0} ended and keeps no value (`ignore_result`)")]
    Ignored(MessageId),
    /// The task has not ended yet.
    #[error("the task {id} has not ended after {waited:?}; it goes on")]
    Timeout {
        /// The task.
        id: MessageId,
        /// How long the caller waited.
        waited: Duration,
    },
    /// The value is not of the type that was asked for.
    #[error("failed to read the result of {id}: {source}")]
    Decode {
        /// The task.
        id: MessageId,
        /// What the codec said.
        source: DecodeError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<celeriac_core::Error> for ResultError {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A handle of a task that was sent; `T` is what a success gives. Dropping it
/// changes nothing.
pub struct AsyncResult<T> {
    id: MessageId,
    store: Arc<dyn Store>,
    /// How long a revocation is remembered.
    revoke_ttl: Duration,
    value: PhantomData<fn() -> T>,
}

impl<T> AsyncResult<T> {
    pub(crate) fn new(id: MessageId, store: Arc<dyn Store>, revoke_ttl: Duration) -> Self {
        Self { id, store, revoke_ttl, value: PhantomData }
    }

    /// The task's id, by which [`App::result`](crate::App::result) finds it again.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// What the store knows of the task; `None` where nothing is known, be it
    /// that it waits in its queue, or that its outcome has expired.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn entry(&self) -> Result<Option<Entry>, Error> {
        let entries = self.store.entries(&[self.id]).await?;
        Ok(entries.into_iter().next().flatten())
    }

    /// The state of the task: `PENDING` while nothing is known of it.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn state(&self) -> Result<State, Error> {
        Ok(self.entry().await?.map_or(State::Pending, |entry| entry.state))
    }

    /// How far the running task said it is.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn progress(&self) -> Result<Option<Progress>, Error> {
        Ok(self.entry().await?.and_then(|entry| entry.progress))
    }

    /// Every change from now on, the present state first, the end last. States
    /// that pass quickly may be skipped.
    pub fn states(&self) -> impl Stream<Item = Result<Entry, Error>> + Send + use<T> {
        let (id, store) = (self.id, self.store.clone());
        futures_util::stream::try_unfold(Some(0), move |seen| {
            let store = store.clone();
            async move {
                let Some(seen) = seen else { return Ok(None) };
                let entry = changed(&*store, id, seen).await?;
                let next = (!entry.state.is_terminal()).then_some(entry.version);
                Ok(Some((entry, next)))
            }
        })
    }

    /// Revokes the task, durably: no worker runs it, and if it runs it is
    /// cancelled. Its state becomes `REVOKED`, unless it has ended already.
    /// Remembered for the app's `tasks.revoke_ttl`.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn revoke(&self) -> Result<(), Error> {
        let until = Timestamp::now().after(self.revoke_ttl);
        revoke(&*self.store, &[self.id], until).await
    }

    /// Forgets the outcome before it expires.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn forget(self) -> Result<(), Error> {
        Ok(self.store.forget(&[self.id]).await?)
    }

    /// The value of a success. That of a wide group is where its members are:
    /// read from there, in pages.
    async fn value(&self, outcome: &Outcome) -> Result<(ContentType, Bytes), ResultError> {
        let id = self.id;
        let gone = |reason: String| ResultError::Failed {
            id,
            failure: Failure::new("result_gone", reason),
        };
        let reference = match Value::from_outcome(&outcome.content_type, &outcome.value) {
            Value::Inline(content_type, bytes) => return Ok((content_type, bytes)),
            Value::Joined(reference) => reference,
        };
        let mut resolver = Resolver::new(reference);
        while let Some(Wanted { workflow, join, from, max }) = resolver.wanted() {
            let members = self.store.members(workflow, join, from, max).await?;
            resolver.give(members).map_err(|error| gone(error.to_string()))?;
        }
        match resolver.into_value() {
            Some(Value::Inline(content_type, bytes)) => Ok((content_type, bytes)),
            _ => Err(gone("the members of the group make no value".to_owned())),
        }
    }

    async fn outcome(&self) -> Result<Outcome, ResultError> {
        let mut seen = 0;
        loop {
            let entry = changed(&*self.store, self.id, seen).await?;
            seen = entry.version;
            if let Some(outcome) = entry.outcome {
                return Ok(outcome);
            }
        }
    }
}

impl<T: DeserializeOwned> AsyncResult<T> {
    /// Waits for the task's end; its value, or why there is none. A task that
    /// never ends, or whose outcome has expired, is waited for for ever: see
    /// [`Self::get_timeout`].
    ///
    /// # Errors
    /// Every [`ResultError`] but `Timeout`.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost, call it again.
    pub async fn get(&self) -> Result<T, ResultError> {
        let id = self.id;
        let outcome = self.outcome().await?;
        let failure = || match &outcome.failure {
            Some(failure) => Failure::clone(failure),
            None => Failure::new("unknown", "the outcome bears no failure"),
        };
        match outcome.state {
            State::Success => {
                let (content_type, value) = self.value(&outcome).await?;
                body::decode(&content_type, &value)
                    .map_err(|source| ResultError::Decode { id, source })
            }
            State::Revoked => Err(ResultError::Revoked(id)),
            State::Ignored => Err(ResultError::Ignored(id)),
            State::Quarantined => Err(ResultError::Quarantined { id, failure: failure() }),
            _ => Err(ResultError::Failed { id, failure: failure() }),
        }
    }

    /// As [`Self::get`], but waits for `limit` at the most.
    ///
    /// # Errors
    /// Every [`ResultError`].
    ///
    /// # Cancel safety
    /// Safe: nothing is lost, call it again.
    pub async fn get_timeout(&self, limit: Duration) -> Result<T, ResultError> {
        let timeout = ResultError::Timeout { id: self.id, waited: limit };
        tokio::time::timeout(limit, self.get()).await.unwrap_or(Err(timeout))
    }
}

/// Waits until something newer than `seen` is known of a task. A store that
/// can't be reached for a while (its owner died, and another process takes
/// over) is asked again, [`PATIENCE`] times in a row at the most.
async fn changed(store: &dyn Store, id: MessageId, seen: u64) -> Result<Entry, Error> {
    let mut failures = 0;
    loop {
        match store.changed(&[Watch { id, seen }]).await {
            Ok(changes) => {
                if let Some((_, entry)) = changes.into_iter().next() {
                    return Ok(entry);
                }
                failures = 0;
            }
            Err(error) if error.is_retryable() && failures < PATIENCE => {
                failures += 1;
                tracing::debug!(%id, %error, "the result is asked for again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Revokes, then records the end of what has not ended.
pub(crate) async fn revoke(
    store: &dyn Store,
    ids: &[MessageId],
    until: Timestamp,
) -> Result<(), Error> {
    store.revoke(ids, until).await?;
    let now = Timestamp::now();
    let end = |id: &MessageId| Completion {
        id: *id,
        outcome: Outcome::failed(State::Revoked, 0, now, Failure::new("revoked", "it was revoked")),
        expires_at: until,
    };
    store.complete(ids.iter().map(end).collect()).await?;
    Ok(())
}

impl<T> Clone for AsyncResult<T> {
    fn clone(&self) -> Self {
        Self::new(self.id, self.store.clone(), self.revoke_ttl)
    }
}

impl<T> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult").field("id", &self.id).finish_non_exhaustive()
    }
}
