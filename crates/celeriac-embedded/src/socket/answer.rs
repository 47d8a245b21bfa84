//! What the owner does for each request.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::Subscription;
use celeriac_core::error::Result;
use celeriac_core::wire::{DecodeError, decode_quarantined, encode_quarantined};
use celeriac_core::{Consumer, Error, ErrorKind, Message};
use serde::Serialize;

use super::GOOD_FRAME;
use super::frame::{self, FrameKind};
use super::request::{Request, Sent, envelope, messages};
use super::session::Desk;
use super::workflows;
use crate::durable::Owner;

/// A frame that answers, or why there is none.
pub(super) type Answer = Result<Vec<u8>>;

impl Desk {
    /// Works on a request; gives the frame that answers it.
    pub(super) async fn work(&self, owner: &Arc<Owner>, number: u64, request: Request) -> Answer {
        match request {
            Request::Publish(..)
            | Request::Room(_)
            | Request::Consume(..)
            | Request::Pull(..)
            | Request::Settle(_)
            | Request::Queues
            | Request::Purge(_) => self.as_broker(owner, number, request).await,
            request => self.as_store(owner, number, request).await,
        }
    }

    async fn as_broker(&self, owner: &Arc<Owner>, number: u64, request: Request) -> Answer {
        match request {
            Request::Publish(envelopes, limit) => {
                let batch = messages(&envelopes).map_err(invalid)?;
                answer(number, &owner.publish(&batch, limit).await?)
            }
            Request::Room(queue) => answer(number, &owner.room(&queue).await?),
            Request::Consume(queues, consumer) => {
                let subscription = Subscription { queues, consumer };
                let consumer = owner.consume(&subscription, GOOD_FRAME)?;
                let id = self.next_consumer.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::new(tokio::sync::Mutex::new(consumer));
                self.consumers.lock().insert(id, shared);
                answer(number, &id)
            }
            Request::Pull(consumer, credit) => {
                let Some(consumer) = self.consumer(consumer) else {
                    return Err(Error::new(ErrorKind::Invalid, "pull", "no such consumer"));
                };
                let credit = usize::try_from(credit).unwrap_or(usize::MAX);
                let deliveries = consumer.lock().await.pull(credit).await?;
                let sent: Vec<Sent> = deliveries.into_iter().map(Sent::from).collect();
                answer(number, &sent)
            }
            Request::Settle(batch) => answer(number, &owner.settle(batch).await?),
            Request::Queues => answer(number, &owner.queues()?),
            Request::Purge(queue) => answer(number, &owner.purge(&queue).await?),
            _ => Err(Error::new(ErrorKind::Unsupported, "answer", "no such request")),
        }
    }

    async fn as_store(&self, owner: &Arc<Owner>, number: u64, request: Request) -> Answer {
        match request {
            Request::Complete(batch) => answer(number, &owner.complete(batch).await?),
            Request::Mark(batch) => answer(number, &owner.mark(batch)?),
            Request::Entries(ids) => answer(number, &owner.entries(&ids).await?),
            Request::Changed(watches) => answer(number, &owner.changed(&watches).await?),
            Request::Forget(ids) => answer(number, &owner.forget(&ids).await?),
            Request::Revoke(ids, until) => answer(number, &owner.revoke(&ids, until).await?),
            Request::Revoked(ids) => answer(number, &owner.revoked(&ids)?),
            Request::Revocations(cursor) => answer(number, &owner.revocations(cursor).await?),
            Request::Schedule(envelopes) => {
                let batch = messages(&envelopes).map_err(invalid)?;
                answer(number, &owner.schedule(&batch).await?)
            }
            Request::TakeDue(now, max, lease_ms) => {
                let max = usize::try_from(max).unwrap_or(usize::MAX);
                let lease = Duration::from_millis(lease_ms);
                let (due, taken) = owner.take_due(now, max, lease).await?;
                let frame = answer(number, &envelopes(&due))?;
                self.held.keep(number, taken);
                Ok(frame)
            }
            Request::Unschedule(keys) => answer(number, &owner.unschedule(keys).await?),
            Request::NextDue => answer(number, &owner.next_due(&self.seen_timers)?),
            Request::TimersChanged => {
                answer(number, &owner.timers_changed(&self.seen_timers).await?)
            }
            Request::Scheduled => answer(number, &owner.scheduled()?),
            Request::Claim(batch) => answer(number, &owner.claim(batch).await?),
            Request::Confirm(keys) => answer(number, &owner.confirm(&keys).await?),
            Request::Quarantine(records) => {
                let records = records.iter().map(|record| decode_quarantined(record));
                let batch = records.collect::<std::result::Result<_, _>>().map_err(invalid)?;
                answer(number, &owner.quarantine(batch).await?)
            }
            Request::Quarantined(filter, max) => {
                let max = usize::try_from(max).unwrap_or(usize::MAX);
                let page = owner.quarantined(&filter, max).await?;
                let records = page.iter().map(|record| Bytes::from(encode_quarantined(record)));
                answer(number, &records.collect::<Vec<_>>())
            }
            Request::Unquarantine(ids) => answer(number, &owner.unquarantine(&ids).await?),
            Request::Announce(node) => answer(number, &owner.announce(node)?),
            Request::Withdraw(name) => answer(number, &owner.withdraw(&name)?),
            Request::Nodes(now) => answer(number, &owner.nodes(now)?),
            Request::OfWorkflows(request) => workflows::work(owner, number, *request).await,
            _ => Err(Error::new(ErrorKind::Unsupported, "answer", "no such request")),
        }
    }
}

pub(super) fn answer<T: Serialize>(number: u64, value: &T) -> Answer {
    let frame = frame::encode(number, FrameKind::Answer, value);
    frame.map_err(|error| Error::new(ErrorKind::Invalid, "answer", error.to_string()))
}

fn envelopes(messages: &[Arc<Message>]) -> Vec<Bytes> {
    messages.iter().map(|message| envelope(message)).collect()
}

fn invalid(error: DecodeError) -> Error {
    Error::new(ErrorKind::Invalid, "answer", error.to_string())
}
