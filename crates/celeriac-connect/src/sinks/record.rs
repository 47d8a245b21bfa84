//! A document as one object of JSON: who gave it, when, and the value.

use celeriac_core::{ContentType, Error, ErrorKind, HeaderValue, Message, body};
use serde::de::IgnoredAny;
use serde_json::json;

/// Writes `{"id":…,"name":…,"at":…,"value":…}`, on one line. A value that JSON
/// can't say is text where it is UTF-8, else a list of bytes, and its
/// `content_type` is there too.
pub(super) fn write(message: &Message, line: &mut Vec<u8>) -> Result<(), Error> {
    let (id, name) = (message.id.to_string(), message.name.as_str());
    let at = message.created_at.to_string();
    let head = match &message.content_type {
        ContentType::Json | ContentType::MessagePack => json!({"id": id, "name": name, "at": at}),
        other => json!({"id": id, "name": name, "at": at, "content_type": other.as_str()}),
    };
    line.extend_from_slice(head.to_string().as_bytes());
    // The closing brace comes after the value.
    line.pop();
    line.extend_from_slice(b",\"value\":");
    value(message, line)?;
    line.push(b'}');
    Ok(())
}

fn value(message: &Message, line: &mut Vec<u8>) -> Result<(), Error> {
    let (content_type, bytes) = (&message.content_type, &message.body[..]);
    let refused = |reason: String| {
        let context = format!("the value of {} ({}): {reason}", message.name, message.id);
        Error::new(ErrorKind::Invalid, "write as JSON", context)
    };
    let value = match content_type {
        ContentType::Json => {
            serde_json::from_slice::<IgnoredAny>(bytes).map_err(|e| refused(e.to_string()))?;
            // Within a string there is no such byte; elsewhere it means nothing.
            let on_one_line = bytes.iter().map(|byte| match byte {
                b'\n' | b'\r' => b' ',
                byte => *byte,
            });
            line.extend(on_one_line);
            return Ok(());
        }
        ContentType::MessagePack => body::decode::<HeaderValue>(content_type, bytes)
            .map_err(|error| refused(error.to_string()))?,
        ContentType::Raw | ContentType::Other(_) => match std::str::from_utf8(bytes) {
            Ok(text) => HeaderValue::from(text),
            Err(_) => HeaderValue::Bytes(message.body.clone()),
        },
    };
    serde_json::to_writer(line, &value).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Name;

    fn written(content_type: ContentType, body: &'static [u8]) -> Result<serde_json::Value, Error> {
        let mut line = Vec::new();
        write(&Message::document(Name::from_static("t"), content_type, body), &mut line)?;
        assert!(!line.contains(&b'\n'));
        Ok(serde_json::from_slice(&line).unwrap())
    }

    #[test]
    fn values_of_every_kind_are_said() {
        let value = |content_type, body| written(content_type, body).unwrap()["value"].clone();
        assert_eq!(value(ContentType::Json, b"{\n\"a\": 1}"), json!({"a": 1}));
        assert_eq!(value(ContentType::MessagePack, b"\x92\x01\xc0"), json!([1, null]));
        assert_eq!(value("text/csv".into(), b"a,b"), json!("a,b"));
        assert_eq!(value(ContentType::Raw, b"\xff\x00"), json!([255, 0]));
        let error = written(ContentType::Json, b"{").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
