//! Messages for tests.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::message::WorkflowStep;
use celeriac_core::workflow::StepId;
use celeriac_core::{
    ContentType, HeaderValue, Kind, Message, MessageId, Name, Priority, QueueName, RetryPolicy,
    Timestamp,
};

/// A command whose body is a number.
#[must_use]
pub fn numbered(queue: &str, number: u64) -> Message {
    let mut message = Message::command(Name::from_static("sample::task"), number.to_string());
    message.queue = QueueName::from(queue);
    message
}

/// Commands whose bodies are these numbers.
#[must_use]
pub fn batch(queue: &str, numbers: Range<u64>) -> Vec<Arc<Message>> {
    numbers.map(|number| numbered(queue, number).into()).collect()
}

/// The number in the body of a [`numbered`] message.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn number(message: &Message) -> u64 {
    let text = std::str::from_utf8(&message.body).expect("a numbered message");
    text.parse().expect("a numbered message")
}

/// A message with a value in every header.
#[must_use]
pub fn full(queue: &str) -> Message {
    let id = |n: u128| MessageId::from_parts(Timestamp::from_millis(1_700_000_000_000), n << 64);
    let mut message = numbered(queue, 1);
    message.id = id(1);
    message.kind = Kind::Document;
    message.priority = Priority::HIGHEST;
    message.content_type = ContentType::Other("application/cbor".to_owned());
    message.attempt = 3;
    message.may_repeat = true;
    message.body = Bytes::from_static(b"\x00\xffbody");
    let rare = message.rare_mut();
    rare.eta = Some(Timestamp::from_millis(1));
    rare.expires_at = Some(Timestamp::NEVER);
    rare.deadline = Some(Timestamp::from_millis(3));
    rare.root_id = Some(id(2));
    rare.parent_id = Some(id(3));
    rare.correlation_id = Some(id(4));
    rare.reply_to = Some(QueueName::from("~replies"));
    rare.workflow = Some(WorkflowStep::new(id(5), StepId(u32::MAX)));
    rare.dedup_key = Some("key".to_owned());
    rare.concurrency_token = Some("token".to_owned());
    rare.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    rare.tracestate = Some("vendor=1".to_owned());
    rare.signature = Some(Bytes::from_static(b"\x00\xff"));
    rare.sinks = vec!["store".to_owned(), "file".to_owned()];
    rare.retry = Some(RetryPolicy::default());
    rare.time_limit = Some(Duration::from_millis(1500));
    rare.soft_time_limit = Some(Duration::from_millis(1));
    rare.result_ttl = Some(Duration::from_secs(60));
    rare.headers = user_headers();
    message
}

fn user_headers() -> BTreeMap<String, HeaderValue> {
    let nested = HeaderValue::List(vec![
        HeaderValue::Null,
        HeaderValue::Float(0.5),
        HeaderValue::Map(BTreeMap::from([("deep".to_owned(), true.into())])),
    ]);
    BTreeMap::from([
        ("tenant".to_owned(), "ækme".into()),
        ("below".to_owned(), HeaderValue::Int(i64::MIN)),
        ("above".to_owned(), HeaderValue::Uint(u64::MAX)),
        ("raw".to_owned(), HeaderValue::Bytes(Bytes::from_static(b"\xff"))),
        ("nested".to_owned(), nested),
    ])
}
