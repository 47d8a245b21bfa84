//! The actor that notes which deliveries have begun: those that are still open
//! when its turn comes, as many at once as have gathered. Whoever begins does
//! not wait for it, so a process that dies within the millisecond may not have
//! its death counted.

use std::sync::Arc;

use celeriac_core::broker::Receipt;
use jumpstarter::actor;

use super::holdings::Holdings;
use crate::Postgres;
use crate::client::Client;

/// Deliveries that are about to run.
pub(crate) struct Begin(Vec<u64>);

/// Notes what has begun.
pub(crate) struct Begins {
    client: Arc<Client>,
    holdings: Arc<Holdings>,
    gathered: Vec<u64>,
}

#[actor]
impl Begins {
    pub(crate) fn new(client: Arc<Client>, holdings: Arc<Holdings>) -> Self {
        Self { client, holdings, gathered: Vec::new() }
    }

    #[handler]
    fn gather(&mut self, Begin(receipts): Begin) {
        self.gathered.extend(receipts);
    }

    #[after_batch]
    async fn note(&mut self) {
        let receipts = self.holdings.known(std::mem::take(&mut self.gathered).into_iter());
        let Some(session) = self.holdings.session().filter(|_| !receipts.is_empty()) else {
            return;
        };
        // Twice is as good as once: only rows that still stand there are touched.
        let note = sqlx::query(
            "UPDATE leased SET begun = true WHERE session = $1 AND receipt = ANY($2) AND EXISTS \
             (SELECT FROM session WHERE id = $1 AND expires_at > now())",
        );
        let note = note.bind(session).bind(receipts);
        if let Err(error) = note.execute(&self.client.loose).await
            && !self.client.is_closed()
        {
            let place = &self.client.place;
            tracing::warn!(%error, %place, "beginnings are not noted: a death would not be counted");
        }
    }
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
