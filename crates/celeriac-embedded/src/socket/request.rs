//! What a client may ask of the owner. Each request says what its answer is.

use bytes::Bytes;
use celeriac_core::broker::{Delivery, Limit, Receipt, Settlement, Undecodable};
use celeriac_core::outcome::{Completion, Mark};
use celeriac_core::store::{Claim, Filter, Node, Watch};
use celeriac_core::wire::{DecodeError, Decoder, encode};
use celeriac_core::{Message, MessageId, QueueName, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::workflows::WorkflowRequest;

/// What a client may ask.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Envelopes to publish. Answer: positions that were refused.
    Publish(Vec<Bytes>, Limit),
    /// Waits for room. Answer: nil.
    Room(QueueName),
    /// Begins to consume. Answer: the consumer's number.
    Consume(Vec<QueueName>, String),
    /// Waits for messages. Answer: deliveries.
    Pull(u64, u64),
    /// Ends a consumer. No answer.
    Leave(u64),
    /// Deliveries of a pull that nobody waits for any more. No answer.
    PutBack(Vec<Receipt>),
    /// Deliveries that are about to run. No answer.
    Begin(Vec<Receipt>),
    /// Ends deliveries. Answer: nil.
    Settle(Vec<Settlement>),
    /// Answer: every queue.
    Queues,
    /// Discards what waits. Answer: how many.
    Purge(QueueName),
    /// Records outcomes. Answer: for each whether it was the first.
    Complete(Vec<Completion>),
    /// Notes marks. Answer: nil.
    Mark(Vec<Mark>),
    /// Answer: an entry or nil for each id.
    Entries(Vec<MessageId>),
    /// Waits for changes. Answer: ids with entries.
    Changed(Vec<Watch>),
    /// Forgets ids. Answer: nil.
    Forget(Vec<MessageId>),
    /// Revokes ids. Answer: nil.
    Revoke(Vec<MessageId>, Timestamp),
    /// Answer: those that are revoked.
    Revoked(Vec<MessageId>),
    /// Waits for revocations after a cursor. Answer: the changes.
    Revocations(u64),
    /// Envelopes to keep until their time. Answer: nil.
    Schedule(Vec<Bytes>),
    /// Now, how many at most, and the lease in milliseconds. Answer: envelopes.
    TakeDue(Timestamp, u64, u64),
    /// Ids and attempts to remove. Answer: nil.
    Unschedule(Vec<(MessageId, u32)>),
    /// Answer: when the next timer is due, or nil.
    NextDue,
    /// Waits for a nearer timer. Answer: nil.
    TimersChanged,
    /// Answer: how many timers there are.
    Scheduled,
    /// Claims keys. Answer: what was claimed.
    Claim(Vec<Claim>),
    /// Confirms keys. Answer: nil.
    Confirm(Vec<String>),
    /// Records for the quarantine. Answer: nil.
    Quarantine(Vec<Bytes>),
    /// A filter and how many at most. Answer: records.
    Quarantined(Filter, u64),
    /// Removes from quarantine. Answer: how many were there.
    Unquarantine(Vec<MessageId>),
    /// Announces a node. Answer: nil.
    Announce(Node),
    /// Withdraws a node. Answer: nil.
    Withdraw(String),
    /// Answer: the nodes that are alive.
    Nodes(Timestamp),
    /// Something of workflows and joins. Answer: as that says.
    OfWorkflows(Box<WorkflowRequest>),
}

/// A delivery on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) receipt: Receipt,
    redelivered: bool,
    deaths: u32,
    envelope: Option<Bytes>,
    undecodable: Option<Box<Undecodable>>,
}

impl From<Delivery> for Sent {
    fn from(delivery: Delivery) -> Self {
        let (envelope, undecodable) = match delivery.payload {
            Ok(message) => (Some(envelope(&message)), None),
            Err(undecodable) => (None, Some(undecodable)),
        };
        Self {
            receipt: delivery.receipt,
            redelivered: delivery.redelivered,
            deaths: delivery.deaths,
            envelope,
            undecodable,
        }
    }
}

impl Sent {
    /// The delivery as it was. What can't be read here was not written here.
    pub(super) fn into_delivery(self, decoder: &mut Decoder) -> Result<Delivery, DecodeError> {
        let payload = match (self.envelope, self.undecodable) {
            (_, Some(undecodable)) => Err(undecodable),
            (envelope, None) => Ok(decoder.decode(&envelope.unwrap_or_default())?.into()),
        };
        Ok(Delivery {
            receipt: self.receipt,
            redelivered: self.redelivered,
            deaths: self.deaths,
            payload,
        })
    }
}

/// A message as bytes.
pub(super) fn envelope(message: &Message) -> Bytes {
    let mut bytes = Vec::with_capacity(128 + message.body.len());
    encode(message, &mut bytes);
    bytes.into()
}

/// Messages from bytes.
pub(super) fn messages(envelopes: &[Bytes]) -> Result<Vec<Arc<Message>>, DecodeError> {
    let mut decoder = Decoder::new();
    let decoded = envelopes.iter().map(|envelope| decoder.decode(envelope).map(Arc::new));
    decoded.collect()
}
