//! The actor that tells other processes: one statement for all signals that
//! came since the last one. It follows the commit and is no part of it, since
//! transactions that notify commit one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::{QueueName, Timestamp};
use jumpstarter::actor;

use crate::client::Client;
use crate::signals::Signal;

/// Tells other processes.
pub(crate) struct Notifier {
    client: Arc<Client>,
    origin: u32,
    ready: BTreeSet<QueueName>,
    results: Vec<u32>,
    revoked: bool,
    scheduled: Option<Timestamp>,
}

#[actor]
impl Notifier {
    pub(crate) fn new(client: Arc<Client>, origin: u32) -> Self {
        let (ready, results, revoked, scheduled) = Default::default();
        Self { client, origin, ready, results, revoked, scheduled }
    }

    #[handler]
    fn gather(&mut self, signal: Signal) {
        match signal {
            Signal::Ready(queue) => {
                self.ready.insert(queue);
            }
            Signal::Results(hashes) => self.results.extend(hashes),
            Signal::Revoked => self.revoked = true,
            Signal::Scheduled(due) => {
                self.scheduled = Some(self.scheduled.map_or(due, |first| first.min(due)));
            }
        }
    }

    #[after_batch]
    async fn notify(&mut self) {
        let payloads = self.payloads();
        if payloads.is_empty() {
            return;
        }
        let notify = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";
        let notify = sqlx::query(notify).bind(&self.client.schema).bind(payloads);
        if let Err(error) = notify.execute(&self.client.loose).await
            && !self.client.is_closed()
        {
            tracing::debug!(%error, "other processes are not told; they look by themselves soon");
        }
    }

    fn payloads(&mut self) -> Vec<String> {
        let mut signals =
            Vec::from_iter(std::mem::take(&mut self.ready).into_iter().map(Signal::Ready));
        if !self.results.is_empty() {
            signals.push(Signal::Results(std::mem::take(&mut self.results)));
        }
        if std::mem::take(&mut self.revoked) {
            signals.push(Signal::Revoked);
        }
        signals.extend(self.scheduled.take().map(Signal::Scheduled));
        signals.iter().flat_map(|signal| signal.payloads(self.origin)).collect()
    }
}
