//! Any body gives a value or an error; a value survives writing and reading.

#![no_main]

use celeriac_core::{ContentType, HeaderValue, body};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let content_type = ContentType::MessagePack;
    if let Ok(value) = body::decode::<HeaderValue>(&content_type, bytes)
        && let Ok(written) = body::encode(&content_type, &value)
    {
        let again = body::decode::<HeaderValue>(&content_type, &written);
        assert_eq!(format!("{:?}", Some(value)), format!("{:?}", again.ok()));
    }
    let _ = body::decode::<serde_json::Value>(&ContentType::Json, bytes);
    let _ = body::decode::<(u8, String)>(&ContentType::Json, bytes);
});
