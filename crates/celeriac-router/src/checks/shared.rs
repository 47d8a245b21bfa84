//! What several workers know of one check: whose turn it is to look, and what
//! was found. Kept in the store, like the cursor of a source (ADR 0012): the
//! turn is a claim, the finding the progress of an id that never ends.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::health::Finding;
use celeriac_core::outcome::{Mark, Progress};
use celeriac_core::store::{Claim, Claimed};
use celeriac_core::{MessageId, State, Store, Timestamp, source};

/// Who does not look for so many periods loses the turn.
const PERIODS: u32 = 2;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Ours,
    Others,
}

#[derive(Clone)]
pub(super) struct Shared {
    store: Arc<dyn Store>,
    key: String,
    id: MessageId,
    holder: MessageId,
    lease: Duration,
}

impl Shared {
    pub(super) fn new(name: &str, every: Duration, store: Arc<dyn Store>) -> Self {
        let key = format!("check/{name}");
        let id = source::id_of(Timestamp::from_millis(0), &key);
        let lease = every.saturating_mul(PERIODS);
        Self { store, key, id, holder: MessageId::new(), lease }
    }

    /// Takes the turn, or keeps it, if nobody else has it.
    pub(super) async fn turn(&self, now: Timestamp) -> Result<Turn> {
        self.claim(now, now.after(self.lease)).await
    }

    /// Gives the turn up.
    pub(super) async fn turn_ends(&self, now: Timestamp) -> Result<()> {
        self.claim(now, now).await.map(drop)
    }

    async fn claim(&self, now: Timestamp, until: Timestamp) -> Result<Turn> {
        let claim = Claim { key: self.key.clone(), id: self.holder, now, until };
        let is_ours = self.store.claim(vec![claim]).await?.first() == Some(&Claimed::Ours);
        Ok(if is_ours { Turn::Ours } else { Turn::Others })
    }

    /// Keeps a finding for all.
    pub(super) async fn keep(&self, finding: &Finding, at: Timestamp) -> Result<()> {
        // Statuses and texts: they always have a JSON form.
        let note = serde_json::to_string(finding).unwrap_or_default();
        let progress = Progress { done: at.as_millis(), total: None, note: Some(note) };
        self.store
            .mark(vec![Mark {
                id: self.id,
                state: State::Started,
                attempt: 0,
                progress: Some(progress),
                failure: None,
            }])
            .await
    }

    /// What was kept last, and when it was found.
    pub(super) async fn read(&self) -> Result<Option<(Finding, Timestamp)>> {
        let entry = self.store.entries(&[self.id]).await?.into_iter().next().flatten();
        Ok(entry.and_then(|entry| {
            let Progress { done, note, .. } = entry.progress?;
            Some((serde_json::from_str(&note?).ok()?, Timestamp::from_millis(done)))
        }))
    }
}
