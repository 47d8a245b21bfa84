//! Arguments whose types nobody knows: a signature's, before they are sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::body::{self, DecodeError, EncodeError};
use crate::{ContentType, HeaderValue};

/// Arguments by position and by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arguments {
    /// By position.
    #[serde(default)]
    pub args: Vec<HeaderValue>,
    /// By name.
    #[serde(default)]
    pub kwargs: BTreeMap<String, HeaderValue>,
}

/// A result that can't come in front of other arguments.
#[derive(Debug, thiserror::Error)]
pub enum PrependError {
    /// The result can't be read.
    #[error("the result of the step before can't be an argument: {0}")]
    Result(#[from] DecodeError),
    /// The arguments can't be written.
    #[error(transparent)]
    Arguments(#[from] EncodeError),
}

impl Arguments {
    /// The body of a command: in JSON, or as `first` is, which comes in front
    /// of the other arguments.
    ///
    /// # Errors
    /// [`PrependError`] if the result is raw bytes, or no value of its content
    /// type; JSON is not read, but put in as it is.
    pub fn body(
        &self,
        first: Option<(&ContentType, &Bytes)>,
    ) -> Result<(ContentType, Bytes), PrependError> {
        match first {
            None => Ok((ContentType::Json, body::encode(&ContentType::Json, self)?)),
            Some((ContentType::Json, first)) => Ok((ContentType::Json, self.json_after(first)?)),
            Some((content_type, first)) => {
                let first: HeaderValue = body::decode(content_type, first)?;
                let mut all = self.clone();
                all.args.insert(0, first);
                Ok((content_type.clone(), body::encode(content_type, &all)?))
            }
        }
    }

    /// JSON is put together as text: a long list is neither read nor copied twice.
    fn json_after(&self, first: &Bytes) -> Result<Bytes, EncodeError> {
        let mut text = Vec::with_capacity(first.len() + 64);
        text.extend_from_slice(b"{\"args\":[");
        text.extend_from_slice(first);
        for value in &self.args {
            text.push(b',');
            text.extend_from_slice(&body::encode(&ContentType::Json, value)?);
        }
        text.extend_from_slice(b"],\"kwargs\":");
        text.extend_from_slice(&body::encode(&ContentType::Json, &self.kwargs)?);
        text.push(b'}');
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::decode;

    #[test]
    fn a_result_comes_first_in_its_own_content_type() {
        let arguments = Arguments { args: vec![2.into()], ..Arguments::default() };
        let (content_type, body) = arguments.body(None).unwrap();
        assert_eq!(decode::<(i64,)>(&content_type, &body, &["b"]).unwrap(), (2,));
        for content_type in [ContentType::Json, ContentType::MessagePack] {
            let first = body::encode(&content_type, &1).unwrap();
            let (written, body) = arguments.body(Some((&content_type, &first))).unwrap();
            assert_eq!(written, content_type);
            assert_eq!(decode::<(i64, i64)>(&written, &body, &["a", "b"]).unwrap(), (1, 2));
        }
        let raw = Bytes::from_static(b"\0");
        assert!(arguments.body(Some((&ContentType::Raw, &raw))).is_err());
    }
}
