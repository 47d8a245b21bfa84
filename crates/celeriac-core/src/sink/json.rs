//! A document as JSON, for sinks whose place knows nothing else: the value
//! alone, or one object that says who gave it, when, and the value.

use serde::de::IgnoredAny;
use serde_json::json;

use crate::{ContentType, Error, ErrorKind, HeaderValue, Message, body};

/// Appends `{"id":…,"name":…,"at":…,"value":…}` to `line`, without a line feed.
/// A value that JSON can't say is written as [`value`] has it, and its
/// `content_type` is there too.
///
/// # Errors
/// `Invalid` for a body that is not what its content type says; `line` then
/// holds a part of it.
pub fn record(message: &Message, line: &mut Vec<u8>) -> Result<(), Error> {
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
    line.extend_from_slice(value(message)?.as_bytes());
    line.push(b'}');
    Ok(())
}

/// The value of a document as JSON on one line. One that JSON can't say is text
/// where it is UTF-8, else a list of bytes.
///
/// # Errors
/// `Invalid` for a body that is not what its content type says.
pub fn value(message: &Message) -> Result<String, Error> {
    let (content_type, bytes) = (&message.content_type, &message.body[..]);
    let refused = |reason: String| {
        let context = format!("the value of {} ({}): {reason}", message.name, message.id);
        Error::new(ErrorKind::Invalid, "write as JSON", context)
    };
    let value = match content_type {
        ContentType::Json => {
            let text = str::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| refused(error.to_string()))?;
            // Within a string there is no such letter; elsewhere it means nothing.
            return Ok(text.replace(['\n', '\r'], " "));
        }
        ContentType::MessagePack => body::decode::<HeaderValue>(content_type, bytes)
            .map_err(|error| refused(error.to_string()))?,
        ContentType::Raw | ContentType::Other(_) => match str::from_utf8(bytes) {
            Ok(text) => HeaderValue::from(text),
            Err(_) => HeaderValue::Bytes(message.body.clone()),
        },
    };
    serde_json::to_string(&value).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn written(content_type: ContentType, body: &'static [u8]) -> Result<serde_json::Value, Error> {
        let mut line = Vec::new();
        record(&Message::document(Name::from_static("t"), content_type, body), &mut line)?;
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
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for body in [&b"{"[..], b"\"\xff\""] {
            let error = written(ContentType::Json, body).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
