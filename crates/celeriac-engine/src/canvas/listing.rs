//! One value of the results of many members.

use bytes::Bytes;
use celeriac_core::body::{self, DecodeError};
use celeriac_core::workflow::{Form, Member, StepError, Value};
use celeriac_core::{ContentType, HeaderValue};

/// Why members' results make no value.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// A member's result can't be part of a list.
    #[error("the result of member {index} can't be part of a list: {source}")]
    Result {
        /// The member.
        index: usize,
        /// Why.
        source: DecodeError,
    },
    /// A member's result is elsewhere: read it first.
    #[error("the result of member {0} has to be read first")]
    Elsewhere(usize),
}

/// The value, in JSON, of members' results in order. A reader that resolves a
/// [`Reference`](celeriac_core::workflow::Reference) calls it with all of them.
///
/// # Errors
/// [`AssembleError`] if a result is raw bytes, or a reference itself.
pub fn assemble(form: &Form, members: &[Member]) -> Result<Value, AssembleError> {
    let named = match form {
        Form::Named(names) | Form::SettledNamed(names) => Some(names),
        Form::List | Form::Settled => None,
    };
    let settled = matches!(form, Form::Settled | Form::SettledNamed(_));
    let mut text = Vec::with_capacity(members.len() * 8 + 2);
    text.push(if named.is_some() { b'{' } else { b'[' });
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        if let Some(name) = named.and_then(|names| names.get(index)) {
            text.extend_from_slice(&json(name));
            text.push(b':');
        }
        match member {
            Member::Value(value) if !settled => text.extend_from_slice(&in_json(index, value)?),
            member => write_settled(index, member, &mut text)?,
        }
    }
    text.push(if named.is_some() { b'}' } else { b']' });
    Ok(Value::json(text))
}

/// How a member ended, as one value: `{"value": …}` or `{"error": {…}}`.
pub(super) fn settled(member: &Member) -> Result<Value, AssembleError> {
    let mut text = Vec::new();
    write_settled(0, member, &mut text)?;
    Ok(Value::json(text))
}

fn write_settled(index: usize, member: &Member, text: &mut Vec<u8>) -> Result<(), AssembleError> {
    match member {
        Member::Value(value) => {
            text.extend_from_slice(b"{\"value\":");
            text.extend_from_slice(&in_json(index, value)?);
        }
        Member::Error(error) => {
            text.extend_from_slice(b"{\"error\":");
            text.extend_from_slice(&json(error));
        }
    }
    text.push(b'}');
    Ok(())
}

/// An error as the argument of a callback: a map of `id`, `task`, `failure`
/// (`kind`, `message`) and `path`.
pub(super) fn error_value(error: &StepError) -> Value {
    Value::json(json(error))
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        // Names and errors are texts and numbers, and memory takes them all.
        unreachable!("a text has no JSON form: {error}")
    })
}

fn in_json(index: usize, value: &Value) -> Result<Bytes, AssembleError> {
    match value {
        Value::Inline(ContentType::Json, bytes) => Ok(bytes.clone()),
        Value::Inline(content_type, bytes) => {
            let value: HeaderValue = body::decode(content_type, bytes)
                .map_err(|source| AssembleError::Result { index, source })?;
            Ok(json(&value).into())
        }
        Value::Joined(_) => Err(AssembleError::Elsewhere(index)),
    }
}
