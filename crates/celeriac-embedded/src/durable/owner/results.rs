//! The results of the owner: recent ones from memory, others from disk.

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::Watch;
use celeriac_core::{MessageId, Timestamp};

use super::Owner;
use crate::durable::changes::{Complete, Forget};
use crate::durable::reader::ReadResults;

impl Owner {
    pub(crate) async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<bool>> {
        self.hub.check_open("complete")?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Complete::new(batch)).await
    }

    pub(crate) fn mark(&self, batch: Vec<Mark>) -> Result<()> {
        self.hub.mark(batch, self.options.mark_ttl)
    }

    pub(crate) async fn entries(&self, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        self.hub.check_open("entries")?;
        let now = Timestamp::now();
        let mut entries: Vec<Option<Entry>> = {
            let results = self.hub.results.lock();
            ids.iter().map(|id| results.entry(*id, now)).collect()
        };
        // A mark may stand before an outcome that is on disk only.
        let unsure = |entry: &Option<Entry>| entry.as_ref().is_none_or(|e| e.outcome.is_none());
        let known = entries.iter_mut().zip(ids);
        let (mut places, missing): (Vec<_>, Vec<_>) =
            known.filter(|(entry, _)| unsure(entry)).map(|(entry, id)| (entry, *id)).unzip();
        if !missing.is_empty() {
            let stored = self.read("entries", ReadResults(missing)).await?;
            for (place, stored) in places.iter_mut().zip(stored) {
                if stored.is_some() {
                    **place = stored;
                }
            }
        }
        Ok(entries)
    }

    pub(crate) async fn changed(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        let newer = self.hub.newer(watches)?;
        if !newer.is_empty() || watches.is_empty() {
            return Ok(newer);
        }
        let watching = self.hub.watch(watches);
        loop {
            let newer = self.hub.newer(watches)?;
            if !newer.is_empty() {
                return Ok(newer);
            }
            let newer = self.newer_on_disk(watches).await?;
            if !newer.is_empty() {
                return Ok(newer);
            }
            watching.change().await;
        }
    }

    async fn newer_on_disk(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        let ids = watches.iter().map(|watch| watch.id).collect();
        let entries = self.read("changed", ReadResults(ids)).await?;
        let entries = watches.iter().zip(entries);
        let newer = entries.filter_map(|(watch, entry)| Some((watch, entry?)));
        let newer = newer.filter(|(watch, entry)| entry.version > watch.seen);
        Ok(newer.map(|(watch, entry)| (watch.id, entry)).collect())
    }

    pub(crate) async fn forget(&self, ids: &[MessageId]) -> Result<()> {
        self.write(Forget(ids.to_vec())).await
    }
}
