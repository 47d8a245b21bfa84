//! Bodies: bytes with a content type, and the codecs that make and read them.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The largest body that is accepted unless configured otherwise: 1 MiB.
pub const DEFAULT_MAX_BODY_BYTES: usize = 1 << 20;

/// How a body is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `application/json`, the default.
    #[default]
    Json,
    /// `application/msgpack`.
    MessagePack,
    /// `application/octet-stream`: raw bytes that pass untouched.
    Raw,
    /// One that Celeriac has no codec for; its bodies pass untouched.
    Other(String),
}

impl ContentType {
    /// The media type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
            Self::Raw => "application/octet-stream",
            Self::Other(media_type) => media_type,
        }
    }
}

impl From<&str> for ContentType {
    fn from(media_type: &str) -> Self {
        match media_type {
            "application/json" => Self::Json,
            "application/msgpack" | "application/x-msgpack" => Self::MessagePack,
            "application/octet-stream" => Self::Raw,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ContentType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ContentType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|media_type| media_type.as_str().into())
    }
}

/// A value that can't become a body.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The codec refused the value.
    #[error("encode {type_name} as {content_type}: {reason}")]
    Value {
        /// The Rust type of the value.
        type_name: &'static str,
        /// The codec.
        content_type: ContentType,
        /// What the codec said.
        reason: String,
    },
    /// There is no codec of that content type.
    #[error("encode as {0}: there is no such codec; use application/json or application/msgpack")]
    NoCodec(ContentType),
}

/// A body that can't be read as what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not what the content type says, or not of that type.
    #[error("decode {content_type} of {bytes} bytes as {type_name}: {reason}")]
    Value {
        /// The Rust type that was asked for.
        type_name: &'static str,
        /// The codec.
        content_type: ContentType,
        /// The size of the body.
        bytes: usize,
        /// What the codec said.
        reason: String,
    },
    /// There is no codec of that content type.
    #[error("decode {0}: there is no such codec; take the body as raw bytes")]
    NoCodec(ContentType),
}

/// Writes `value` as a body.
///
/// # Errors
/// [`EncodeError::Value`] when the codec refuses the value (a map with keys
/// that are not text, say), [`EncodeError::NoCodec`] for a content type
/// without a codec.
pub fn encode<T: Serialize + ?Sized>(
    content_type: &ContentType,
    value: &T,
) -> Result<Bytes, EncodeError> {
    let refused = |reason: String| EncodeError::Value {
        type_name: std::any::type_name::<T>(),
        content_type: content_type.clone(),
        reason,
    };
    match content_type {
        ContentType::Json => serde_json::to_vec(value).map_err(|e| refused(e.to_string())),
        ContentType::MessagePack => {
            rmp_serde::to_vec_named(value).map_err(|e| refused(e.to_string()))
        }
        ContentType::Raw | ContentType::Other(_) => {
            return Err(EncodeError::NoCodec(content_type.clone()));
        }
    }
    .map(Bytes::from)
}

/// Reads a body as a `T`. Total: any bytes give a value or an error.
///
/// # Errors
/// [`DecodeError::Value`] when the bytes are no such value,
/// [`DecodeError::NoCodec`] for a content type without a codec.
pub fn decode<T: DeserializeOwned>(
    content_type: &ContentType,
    body: &[u8],
) -> Result<T, DecodeError> {
    let refused = |reason: String| DecodeError::Value {
        type_name: std::any::type_name::<T>(),
        content_type: content_type.clone(),
        bytes: body.len(),
        reason,
    };
    match content_type {
        ContentType::Json => serde_json::from_slice(body).map_err(|e| refused(e.to_string())),
        ContentType::MessagePack => rmp_serde::from_slice(body).map_err(|e| refused(e.to_string())),
        ContentType::Raw | ContentType::Other(_) => Err(DecodeError::NoCodec(content_type.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_codecs_bring_values_back() {
        for content_type in [ContentType::Json, ContentType::MessagePack] {
            let body = encode(&content_type, &(1, "two", [3.0])).unwrap();
            let back: (i32, String, Vec<f64>) = decode(&content_type, &body).unwrap();
            assert_eq!(back, (1, "two".to_owned(), vec![3.0]));
        }
    }

    #[test]
    fn an_unknown_content_type_passes_but_is_not_read() {
        let yaml = ContentType::from("application/yaml");
        assert_eq!(yaml.as_str(), "application/yaml");
        assert!(matches!(decode::<u8>(&yaml, b"1"), Err(DecodeError::NoCodec(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_give_an_error(bytes: Vec<u8>) {
            for content_type in [ContentType::Json, ContentType::MessagePack] {
                let _ = decode::<crate::HeaderValue>(&content_type, &bytes);
                let _ = decode::<(u8, String)>(&content_type, &bytes);
            }
        }
    }
}
