//! Any body gives arguments or an error, whatever the task's parameters are.

#![no_main]

use celeriac_core::arguments::{NoArguments, decode};
use celeriac_core::{ContentType, HeaderValue};
use libfuzzer_sys::fuzz_target;

type Several = (u32, Option<String>, Vec<HeaderValue>);

fuzz_target!(|bytes: &[u8]| {
    for content_type in [ContentType::Json, ContentType::MessagePack] {
        let _ = decode::<Several>(&content_type, bytes, &["count", "label", "rest"]);
        let _ = decode::<(HeaderValue,)>(&content_type, bytes, &["anything"]);
        let _ = decode::<NoArguments>(&content_type, bytes, &[]);
    }
});
