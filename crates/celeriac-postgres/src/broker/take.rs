//! Taking messages: from what waits to what is held, by one statement.

use std::collections::HashMap;

use bytes::Bytes;
use celeriac_core::QueueName;
use celeriac_core::broker::{Delivery, Receipt, Undecodable};
use celeriac_core::wire::Decoder;
use sqlx::Row;

use crate::column;
use crate::lane::Lane;

/// How much to take from a queue.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) queue: QueueName,
    pub(super) messages: usize,
}

/// What was taken.
pub(super) struct Taken {
    pub(super) deliveries: Vec<Delivery>,
    counts: HashMap<String, usize>,
}

impl Taken {
    /// How many from a queue.
    pub(super) fn count(&self, queue: &QueueName) -> usize {
        self.counts.get(queue.as_str()).copied().unwrap_or_default()
    }
}

/// Rows are picked in the order of the index, without waiting for those that
/// another process is about to take. The place of a row in its table finds it
/// again at once, and is sure to be the same: nobody updates what waits.
const TAKE: &str = "WITH picked AS (
         SELECT row.place FROM unnest($3::text[], $4::bigint[]) AS share (queue, messages)
         CROSS JOIN LATERAL (
             SELECT ready.ctid AS place FROM ready WHERE ready.queue = share.queue
             ORDER BY ready.priority DESC, ready.seq LIMIT share.messages
             FOR UPDATE SKIP LOCKED
         ) AS row
         WHERE EXISTS (SELECT FROM session WHERE id = $1 AND expires_at > now())
     ), taken AS (
         DELETE FROM ready WHERE ctid = ANY (ARRAY (SELECT place FROM picked)) RETURNING *
     ), held AS (
         INSERT INTO leased (session, receipt, seq, queue, priority, deaths, redelivered, body)
         SELECT $1, $2 + row_number() OVER (ORDER BY priority DESC, seq),
             seq, queue, priority, deaths, redelivered, body FROM taken
         RETURNING receipt, queue, deaths, redelivered, body
     ) SELECT receipt, queue, deaths, redelivered, body FROM held ORDER BY receipt";

/// Takes messages under a session; their receipts follow `before`.
pub(super) async fn take(
    lane: &Lane,
    session: i64,
    before: u64,
    shares: &[Share],
) -> sqlx::Result<Taken> {
    let queues = Vec::from_iter(shares.iter().map(|share| share.queue.as_str()));
    let messages = Vec::from_iter(shares.iter().map(|share| column::limit(share.messages)));
    let take = sqlx::query(TAKE).bind(session).bind(before.cast_signed());
    let rows = take.bind(queues).bind(messages).fetch_all(lane).await?;
    let mut decoder = Decoder::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut deliveries = Vec::with_capacity(rows.len());
    for row in &rows {
        let queue: &str = row.try_get(1)?;
        match counts.get_mut(queue) {
            Some(count) => *count += 1,
            None => drop(counts.insert(queue.to_owned(), 1)),
        }
        let receipt: i64 = row.try_get(0)?;
        let deaths: i32 = row.try_get(2)?;
        let body = Bytes::from(row.try_get::<Vec<u8>, _>(4)?);
        let payload = match decoder.decode(&body) {
            Ok(message) => Ok(message.into()),
            Err(error) => Err(Box::new(Undecodable::new(queue.into(), body, error.to_string()))),
        };
        deliveries.push(Delivery {
            receipt: Receipt(receipt.cast_unsigned()),
            redelivered: row.try_get(3)?,
            deaths: deaths.unsigned_abs(),
            payload,
        });
    }
    Ok(Taken { deliveries, counts })
}
