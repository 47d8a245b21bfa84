//! Any bytes are a message or an error; a message survives writing and reading.

#![no_main]

use bytes::Bytes;
use celeriac_core::wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = wire::Decoder::new().decode(&Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let mut written = Vec::new();
    wire::encode(&message, &mut written);
    let again = wire::Decoder::new().decode(&Bytes::from(written));
    // By their text: a NaN in a header is not equal to itself.
    assert_eq!(format!("{:?}", Ok::<_, wire::DecodeError>(message)), format!("{again:?}"));
});
