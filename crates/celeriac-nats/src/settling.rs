//! Telling the server of deliveries: their ends, and that they are worked on.
//!
//! A JetStream consumer hears what one connection says in order. So only the
//! last word to each is answered, and answers for all before it.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use celeriac_core::QueueName;
use celeriac_core::broker::{Settlement, Verdict};
use celeriac_core::error::Result;

use crate::broker::Shared;
use crate::client::Sending;
use crate::held::{Ending, Entry};

const ACK: &[u8] = b"+ACK";
const NAK: &[u8] = b"-NAK";
const WORKING: &[u8] = b"+WPI";

/// Ends on their way: what the server may not have is as it was.
struct Pending<'a> {
    shared: &'a Shared,
    endings: Vec<Ending>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.shared.held.lock().revert(std::mem::take(&mut self.endings));
    }
}

/// Ends deliveries.
pub(crate) async fn settle(shared: &Shared, batch: &[Settlement]) -> Result<()> {
    let endings = shared.held.lock().settle(batch);
    if endings.is_empty() {
        return Ok(());
    }
    let mut pending = Pending { shared, endings };
    tell_ends(shared, &pending.endings).await?;
    let endings = std::mem::take(&mut pending.endings);
    discard_parts(shared, &endings).await;
    Ok(())
}

/// Tells the server of ends, and who waits of what comes back.
pub(crate) async fn tell_ends(shared: &Shared, endings: &[Ending]) -> Result<()> {
    let words = endings.iter().map(|ending| match ending.verdict {
        Verdict::Ack => (&ending.entry, ACK),
        Verdict::Requeue => (&ending.entry, NAK),
    });
    say(shared, "settle", words).await?;
    let mut back: BTreeMap<&QueueName, Vec<u8>> = BTreeMap::new();
    for ending in endings.iter().filter(|ending| ending.verdict == Verdict::Requeue) {
        let priorities = back.entry(&ending.entry.queue).or_default();
        let priority = ending.entry.priority as u8;
        if !priorities.contains(&priority) {
            priorities.push(priority);
        }
    }
    for (queue, priorities) in back {
        shared.wake(queue, priorities).await;
    }
    Ok(())
}

/// Renews the leases of everything that is held.
pub(crate) async fn renew(shared: &Shared) -> Result<()> {
    let since = Instant::now();
    let renewable = shared.held.lock().renewable();
    if renewable.is_empty() {
        return Ok(());
    }
    say(shared, "renew leases", renewable.iter().map(|(_, entry)| (entry, WORKING))).await?;
    let receipts = Vec::from_iter(renewable.iter().map(|(receipt, _)| *receipt));
    shared.held.lock().renewed(&receipts, since);
    Ok(())
}

/// Says a word of each delivery, by order of arrival.
async fn say(
    shared: &Shared,
    operation: &'static str,
    words: impl Iterator<Item = (&Entry, &'static [u8])>,
) -> Result<()> {
    let mut words = Vec::from_iter(words);
    fn place(entry: &Entry) -> (&QueueName, usize, u64) {
        (&entry.queue, entry.priority, entry.sequence)
    }
    words.sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)));
    let last = |at: usize| {
        let listener = |at: usize| words.get(at).map(|(entry, _)| (&entry.queue, entry.priority));
        listener(at) != listener(at + 1)
    };
    let sending = |(at, (entry, word)): (usize, &(&Entry, &'static [u8]))| Sending {
        subject: entry.reply.clone(),
        headers: None,
        payload: Bytes::from_static(word),
        is_answered: last(at),
    };
    let batch = words.iter().enumerate().map(sending).collect();
    // A listener that is gone, with its queue, answers "nobody": that is an end, too.
    shared.client.send_all(operation, batch).await.map(drop)
}

/// Nobody needs the parts of what is done with.
async fn discard_parts(shared: &Shared, endings: &[Ending]) {
    for Ending { verdict, entry, .. } in endings {
        if let (Verdict::Ack, Some(part)) = (verdict, &entry.part)
            && let Err(error) = crate::large::discard(shared, &entry.queue, part).await
        {
            tracing::warn!(%error, "the parts of a large message stay in its stream");
        }
    }
}
