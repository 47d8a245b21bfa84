//! Settling, and giving back: all of a batch by one statement, and only under
//! the session that took it, as long as that lives.

use celeriac_core::QueueName;
use celeriac_core::broker::{Settlement, Verdict};
use celeriac_core::error::Result;

use crate::Postgres;
use crate::lane::Lane;
use crate::signals::Signal;

/// Whether a consumer has seen what goes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Yes,
    No,
}

/// Moves what is held back to where it was taken from; says which queues.
pub(super) async fn give_back(
    lane: &Lane,
    session: i64,
    receipts: &[i64],
    seen: Seen,
) -> sqlx::Result<Vec<QueueName>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let give_back = sqlx::query_scalar::<_, String>(
        "WITH back AS (
             DELETE FROM leased WHERE session = $1 AND receipt = ANY($2)
                 AND EXISTS (SELECT FROM session WHERE id = $1 AND expires_at > now())
             RETURNING *
         ), again AS (
             INSERT INTO ready (seq, queue, priority, deaths, redelivered, body)
             SELECT seq, queue, priority, deaths, redelivered OR $3, body FROM back
             RETURNING queue
         ) SELECT DISTINCT queue FROM again",
    );
    let queues = give_back.bind(session).bind(receipts).bind(seen == Seen::Yes);
    let queues = queues.fetch_all(lane).await?;
    Ok(queues.into_iter().map(QueueName::from).collect())
}

impl Postgres {
    pub(super) async fn settle_batch(&self, batch: Vec<Settlement>) -> Result<()> {
        self.client.check_open("settle")?;
        let Some(session) = self.holdings.session() else { return Ok(()) };
        let of = |verdict: Verdict| {
            let settled = batch.iter().filter(|settlement| settlement.verdict == verdict);
            self.holdings.known(settled.map(|settlement| settlement.receipt.0))
        };
        let (acked, requeued) = (of(Verdict::Ack), of(Verdict::Requeue));
        let failed = |error| self.client.failed("settle", error);
        if !acked.is_empty() {
            let delete = sqlx::query(
                "DELETE FROM leased WHERE session = $1 AND receipt = ANY($2) AND EXISTS \
                 (SELECT FROM session WHERE id = $1 AND expires_at > now())",
            );
            let delete = delete.bind(session).bind(&acked);
            delete.execute(&self.client.loose).await.map_err(failed)?;
            self.holdings.end(&acked);
            self.signals.wake_room();
        }
        let queues = give_back(&self.client.loose, session, &requeued, Seen::Yes).await;
        let queues = queues.map_err(failed)?;
        self.holdings.end(&requeued);
        queues.into_iter().for_each(|queue| self.tell(Signal::Ready(queue)));
        Ok(())
    }
}
