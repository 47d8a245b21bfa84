//! The cursor of a source: how far it is, kept in the store, and the lease of
//! the one process that moves it.
//!
//! A cursor changes and an outcome never does, so a cursor is kept as the later
//! of two outcomes: the next one is recorded beside the present one, and only
//! when there is another to come, the older one is forgotten. At every moment at least
//! one is there. The lease is a claim that is never confirmed, which its holder
//! may renew.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::{Claim, Claimed};
use celeriac_core::{ContentType, Error, ErrorKind, MessageId, Store, Timestamp, source};

/// How long a lease goes on by itself.
const LEASE: Duration = Duration::from_secs(5);
/// How long a cursor is kept that is not moved: a hundred years.
const KEPT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// What is before the cursor in the value of its outcome: its number.
const NUMBER: usize = size_of::<u64>();

/// How far a source is.
pub(crate) struct Cursor {
    store: Arc<dyn Store>,
    key: String,
    holder: MessageId,
    slots: [MessageId; 2],
    known: Option<Known>,
}

/// The present cursor, and how many there were before.
#[derive(Clone, Debug, Default)]
struct Known {
    number: u64,
    cursor: Option<Bytes>,
}

impl Cursor {
    pub(crate) fn new(name: &str, holder: MessageId, store: Arc<dyn Store>) -> Self {
        let key = format!("source/{name}");
        let slot = |which| source::id_of(Timestamp::from_millis(0), &format!("{key}/{which}"));
        let slots = [slot("even"), slot("odd")];
        Self { store, key, holder, slots, known: None }
    }

    /// Takes the lease, or renews it; says whether it is ours.
    pub(crate) async fn hold(&mut self, now: Timestamp) -> Result<bool> {
        let is_ours = self.claim(now, now.after(LEASE)).await?;
        if !is_ours {
            // Whoever has it moves the cursor.
            self.known = None;
        }
        Ok(is_ours)
    }

    /// Gives the lease back.
    pub(crate) async fn release(&self, now: Timestamp) -> Result<()> {
        self.claim(now, now).await.map(drop)
    }

    async fn claim(&self, now: Timestamp, until: Timestamp) -> Result<bool> {
        let claim = Claim { key: self.key.clone(), id: self.holder, now, until };
        Ok(self.store.claim(vec![claim]).await?.first() == Some(&Claimed::Ours))
    }

    /// The cursor as it was kept; `None` at the very start.
    pub(crate) async fn get(&mut self) -> Result<Option<Bytes>> {
        if self.known.is_none() {
            self.known = Some(self.read().await?);
        }
        Ok(self.known.as_ref().and_then(|known| known.cursor.clone()))
    }

    async fn read(&self) -> Result<Known> {
        let entries = self.store.entries(&self.slots).await?;
        let outcomes = entries.into_iter().flatten().filter_map(|entry| entry.outcome);
        let known = outcomes.filter_map(|outcome| {
            let number = outcome.value.first_chunk::<NUMBER>()?;
            let cursor = Some(outcome.value.slice(NUMBER..));
            Some(Known { number: u64::from_be_bytes(*number), cursor })
        });
        Ok(known.max_by_key(|known| known.number).unwrap_or_default())
    }

    /// Keeps a cursor, as durably as the store promises.
    pub(crate) async fn keep(&mut self, cursor: Bytes) -> Result<()> {
        // Unless all goes well, what is kept is read again.
        let before = match self.known.take() {
            Some(known) => known,
            None => self.read().await?,
        };
        let number = before.number + 1;
        let mut value = BytesMut::with_capacity(NUMBER + cursor.len());
        value.put_u64(number);
        value.put_slice(&cursor);
        let now = Timestamp::now();
        let id = self.slots[usize::from(number % 2 == 1)];
        let outcome = Outcome::success(0, now, ContentType::Raw, value.freeze());
        let completion = Completion { id, outcome, expires_at: now.after(KEPT) };
        self.store.forget(&[id]).await?;
        if self.store.complete(vec![completion]).await? != [true] {
            let context = format!("{}: another process moved it; it is read again", self.key);
            return Err(Error::new(ErrorKind::Busy, "keep a cursor", context));
        }
        self.known = Some(Known { number, cursor: Some(cursor) });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use celeriac_embedded::Memory;

    use super::*;

    fn cursor(memory: &Arc<Memory>) -> Cursor {
        Cursor::new("s", MessageId::new(), memory.clone())
    }

    #[tokio::test]
    async fn whoever_reads_it_anew_finds_the_latest() {
        let memory = Memory::new(Default::default());
        let mut first = cursor(&memory);
        assert_eq!(first.get().await.unwrap(), None);
        for text in ["a", "b", "c"] {
            first.keep(Bytes::from(text)).await.unwrap();
            assert_eq!(first.get().await.unwrap().unwrap(), text);
            assert_eq!(cursor(&memory).get().await.unwrap().unwrap(), text);
        }
        let mut other = Cursor::new("other", MessageId::new(), memory);
        assert_eq!(other.get().await.unwrap(), None);
    }

    #[tokio::test]
    async fn one_holds_it_until_that_is_given_back_or_over() {
        let memory = Memory::new(Default::default());
        let (mut first, mut second) = (cursor(&memory), cursor(&memory));
        let at = |seconds: u64| Timestamp::from_millis(1000 * seconds);
        assert!(first.hold(at(0)).await.unwrap());
        assert!(!second.hold(at(4)).await.unwrap());
        assert!(first.hold(at(4)).await.unwrap(), "renewed");
        assert!(!second.hold(at(8)).await.unwrap());
        first.release(at(8)).await.unwrap();
        assert!(second.hold(at(8)).await.unwrap(), "given back");
        assert!(!first.hold(at(12)).await.unwrap());
        assert!(first.hold(at(13)).await.unwrap(), "over");
    }
}
