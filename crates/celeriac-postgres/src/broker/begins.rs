//! The actor that notes which deliveries have begun: those that are still open
//! when its turn comes, as many at once as have gathered. Whoever begins does
//! not wait for it, so a process that dies within the millisecond may not have
//! its death counted.

use std::sync::Arc;

use celeriac_core::broker::Receipt;
use jumpstarter::{Reply, actor};

use super::holdings::Holdings;
use crate::Postgres;
use crate::client::Client;

/// A row for each range of receipts, most of which follow each other; what is
/// about receipts that are settled by now goes.
const NOTE: &str = "WITH over AS (
         DELETE FROM begun WHERE session = $1 AND last < $4
     ) INSERT INTO begun AS noted (session, first, last)
     SELECT $1, first, last FROM unnest($2::bigint[], $3::bigint[]) AS range (first, last)
         WHERE EXISTS (SELECT FROM session WHERE id = $1 AND expires_at > now())
     ON CONFLICT (session, first) DO UPDATE SET last = greatest(noted.last, excluded.last)";

/// Deliveries that are about to run.
pub(crate) struct Begin(Vec<u64>);

/// Answered when everything told before is noted.
struct Flush;

/// Notes what has begun.
pub(crate) struct Begins {
    client: Arc<Client>,
    holdings: Arc<Holdings>,
    gathered: Vec<u64>,
    flushes: Vec<Reply<()>>,
}

#[actor]
impl Begins {
    pub(crate) fn new(client: Arc<Client>, holdings: Arc<Holdings>) -> Self {
        Self { client, holdings, gathered: Vec::new(), flushes: Vec::new() }
    }

    #[handler]
    fn gather(&mut self, Begin(receipts): Begin) {
        self.gathered.extend(receipts);
    }

    #[handler]
    fn flush(&mut self, _: Flush, reply: Reply<()>) {
        self.flushes.push(reply);
    }

    #[after_batch]
    async fn note(&mut self) {
        self.note_gathered().await;
        self.flushes.drain(..).for_each(|reply| reply.send(()));
    }

    async fn note_gathered(&mut self) {
        let receipts = self.holdings.known(std::mem::take(&mut self.gathered).into_iter());
        let Some(session) = self.holdings.session().filter(|_| !receipts.is_empty()) else {
            return;
        };
        let (firsts, lasts) = ranges(receipts);
        let note = sqlx::query(NOTE);
        let note = note.bind(session).bind(firsts).bind(lasts).bind(self.holdings.oldest());
        if let Err(error) = note.execute(&self.client.loose).await
            && !self.client.is_closed()
        {
            let place = &self.client.place;
            tracing::warn!(%error, %place, "beginnings are not noted: a death would not be counted");
        }
    }
}

/// The first and the last of each row of numbers without a gap.
fn ranges(mut receipts: Vec<i64>) -> (Vec<i64>, Vec<i64>) {
    receipts.sort_unstable();
    let (mut firsts, mut lasts): (Vec<i64>, Vec<i64>) = Default::default();
    for receipt in receipts {
        match lasts.last_mut() {
            Some(last) if receipt <= *last + 1 => *last = receipt,
            _ => {
                firsts.push(receipt);
                lasts.push(receipt);
            }
        }
    }
    (firsts, lasts)
}

impl Postgres {
    pub(super) fn note_begun(&self, receipts: &[Receipt]) {
        let begin = Begin(receipts.iter().map(|receipt| receipt.0).collect());
        // As many as are held at the most: the credit bounds the mailbox.
        if self.begins.try_tell(begin).is_err() {
            tracing::debug!("beginnings are not noted: the driver is closed");
        }
    }
}

impl Postgres {
    /// For tests: waits until what has begun is noted.
    #[doc(hidden)]
    pub async fn begun(&self) {
        // A driver that is closed notes nothing any more.
        let _ = self.begins.ask(Flush).await;
    }
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn what_follows_each_other_is_one_range() {
        assert_eq!(ranges(vec![7, 3, 4, 5, 5, 9]), (vec![3, 7, 9], vec![5, 7, 9]));
        assert_eq!(ranges(vec![]), (vec![], vec![]));
    }
}
