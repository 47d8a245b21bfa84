//! That the worked example of `docs/spec/message.md` is what the code writes.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use bytes::Bytes;
use celeriac_core::{Message, MessageId, Name, Priority, Timestamp, arguments, wire};

/// The bytes of the page's `hex` block; what follows `;` on a line says what
/// they mean.
fn documented() -> Vec<u8> {
    let page = include_str!("../../../../docs/spec/message.md");
    let block = page.split("```hex\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let digits = block.lines().flat_map(|line| line.split(';').next());
    let digits = digits.flat_map(str::split_whitespace);
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn example() -> Message {
    let created_at = Timestamp::from_millis(1_749_999_999_000);
    let mut message = Message::command(Name::from_static("add"), r#"{"args":[2,3]}"#);
    message.id = MessageId::from_parts(created_at, 0x0123_4567_89ab_cdef << 64);
    message.created_at = created_at;
    message.priority = Priority::HIGHEST;
    let rare = message.rare_mut();
    rare.eta = Some(Timestamp::from_millis(1_750_000_000_000));
    rare.headers.insert("tenant".to_owned(), "acme".into());
    message
}

#[test]
fn the_documented_example_is_what_is_written() {
    let mut written = Vec::new();
    wire::encode(&example(), &mut written);
    let hex = |bytes: &[u8]| Vec::from_iter(bytes.iter().map(|byte| format!("{byte:02x}")));
    assert_eq!(hex(&documented()), hex(&written));
}

#[test]
fn the_documented_example_is_what_is_read() {
    let read = wire::Decoder::new().decode(&Bytes::from(documented())).unwrap();
    assert_eq!(read, example());
    let names = ["a", "b"];
    let call: (i64, i64) = arguments::decode(&read.content_type, &read.body, &names).unwrap();
    assert_eq!(call, (2, 3));
}
