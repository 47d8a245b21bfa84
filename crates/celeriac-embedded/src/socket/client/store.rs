//! The store of a client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{Changes, Claim, Claimed, Filter, Node, Quarantined, Watch};
use celeriac_core::wire::{DecodeError, decode_quarantined, encode_quarantined};
use celeriac_core::{Error, ErrorKind, Message, MessageId, Timestamp};

use super::{Client, parts};
use crate::socket::request::{Request, messages};

/// How many entries one request asks for.
const ENTRIES: usize = 256;

impl Client {
    pub(crate) async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<bool>> {
        self.link.ask("complete", &Request::Complete(batch)).await
    }

    pub(crate) async fn mark(&self, batch: Vec<Mark>) -> Result<()> {
        self.link.ask("mark", &Request::Mark(batch)).await
    }

    pub(crate) async fn entries(&self, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        let mut entries = Vec::with_capacity(ids.len());
        for part in ids.chunks(ENTRIES) {
            let request = Request::Entries(part.to_vec());
            let of_part: Vec<Option<Entry>> = self.link.ask("entries", &request).await?;
            entries.extend(of_part);
        }
        Ok(entries)
    }

    pub(crate) async fn changed(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        self.link.ask("changed", &Request::Changed(watches.to_vec())).await
    }

    pub(crate) async fn forget(&self, ids: &[MessageId]) -> Result<()> {
        self.link.ask("forget", &Request::Forget(ids.to_vec())).await
    }

    pub(crate) async fn revoke(&self, ids: &[MessageId], until: Timestamp) -> Result<()> {
        self.link.ask("revoke", &Request::Revoke(ids.to_vec(), until)).await
    }

    pub(crate) async fn revoked(&self, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.link.ask("revoked", &Request::Revoked(ids.to_vec())).await
    }

    pub(crate) async fn revocations(&self, cursor: u64) -> Result<Changes> {
        self.link.ask("revocations", &Request::Revocations(cursor)).await
    }

    pub(crate) async fn schedule(&self, batch: &[Arc<Message>]) -> Result<()> {
        for part in parts(batch) {
            let () = self.link.ask("schedule", &Request::Schedule(part)).await?;
        }
        Ok(())
    }

    pub(crate) async fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> Result<Vec<Arc<Message>>> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let request = Request::TakeDue(now, max as u64, lease_ms);
        let envelopes: Vec<Bytes> = self.link.ask("take_due", &request).await?;
        messages(&envelopes).map_err(|error| self.unreadable("take_due", error))
    }

    pub(crate) async fn unschedule(&self, keys: Vec<(MessageId, u32)>) -> Result<()> {
        self.link.ask("unschedule", &Request::Unschedule(keys)).await
    }

    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.link.ask("next_due", &Request::NextDue).await
    }

    pub(crate) async fn timers_changed(&self) -> Result<()> {
        self.link.ask("timers_changed", &Request::TimersChanged).await
    }

    pub(crate) async fn scheduled(&self) -> Result<u64> {
        self.link.ask("scheduled", &Request::Scheduled).await
    }

    pub(crate) async fn claim(&self, batch: Vec<Claim>) -> Result<Vec<Claimed>> {
        self.link.ask("claim", &Request::Claim(batch)).await
    }

    pub(crate) async fn confirm(&self, keys: &[String]) -> Result<()> {
        self.link.ask("confirm", &Request::Confirm(keys.to_vec())).await
    }

    pub(crate) async fn quarantine(&self, batch: Vec<Quarantined>) -> Result<()> {
        let records = batch.iter().map(|record| Bytes::from(encode_quarantined(record)));
        self.link.ask("quarantine", &Request::Quarantine(records.collect())).await
    }

    pub(crate) async fn quarantined(
        &self,
        filter: &Filter,
        max: usize,
    ) -> Result<Vec<Quarantined>> {
        let request = Request::Quarantined(filter.clone(), max as u64);
        let records: Vec<Bytes> = self.link.ask("quarantined", &request).await?;
        let records = records.iter().map(|record| decode_quarantined(record));
        let page = records.collect::<std::result::Result<_, _>>();
        page.map_err(|error| self.unreadable("quarantined", error))
    }

    pub(crate) async fn unquarantine(&self, ids: &[MessageId]) -> Result<u64> {
        self.link.ask("unquarantine", &Request::Unquarantine(ids.to_vec())).await
    }

    pub(crate) async fn announce(&self, node: Node) -> Result<()> {
        self.link.ask("announce", &Request::Announce(node)).await
    }

    pub(crate) async fn withdraw(&self, name: &str) -> Result<()> {
        self.link.ask("withdraw", &Request::Withdraw(name.to_owned())).await
    }

    pub(crate) async fn nodes(&self, now: Timestamp) -> Result<Vec<Node>> {
        self.link.ask("nodes", &Request::Nodes(now)).await
    }

    fn unreadable(&self, operation: &'static str, error: DecodeError) -> Error {
        let context = format!("{}: what its owner sent can't be read", self.link.address());
        Error::new(ErrorKind::Internal, operation, context).caused_by(error)
    }
}
