//! Reading what the server answers. An answer of another form than expected
//! is an error of kind `Internal`, not a panic.

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use redis::Value;

fn unexpected(what: &'static str) -> Error {
    let context = format!("the server's answer is no {what}; is it a Redis 7 or a Valkey?");
    Error::new(ErrorKind::Internal, "read an answer", context)
}

pub(crate) fn number(value: &Value) -> Result<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| unexpected("whole number")),
        Value::Nil => Ok(0),
        Value::BulkString(text) => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.ok_or_else(|| unexpected("whole number"))
        }
        Value::Double(number) if *number >= 0.0 => Ok(*number as u64),
        _ => Err(unexpected("whole number")),
    }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) | Value::Set(values) => Ok(values),
        Value::Map(pairs) => {
            Ok(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
        }
        Value::Nil => Ok(Vec::new()),
        _ => Err(unexpected("list")),
    }
}

pub(crate) fn bytes(value: Value) -> Result<Option<Bytes>> {
    match value {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::SimpleString(text) => Ok(Some(text.into_bytes().into())),
        Value::Nil | Value::Boolean(false) => Ok(None),
        _ => Err(unexpected("string")),
    }
}

pub(crate) fn text(value: Value) -> Result<String> {
    let bytes = bytes(value)?.unwrap_or_default();
    String::from_utf8(bytes.into()).map_err(|_| unexpected("text"))
}

/// All of a list's strings, without the missing ones.
pub(crate) fn strings(value: Value) -> Result<Vec<Bytes>> {
    let mut strings = Vec::new();
    for value in list(value)? {
        strings.extend(bytes(value)?);
    }
    Ok(strings)
}

/// Names with their values, whichever way the protocol nests them.
pub(crate) fn pairs(value: Value) -> Result<Vec<(Bytes, Value)>> {
    let mut flat = Vec::new();
    for value in list(value)? {
        match value {
            Value::Array(pair) => flat.extend(pair),
            value => flat.push(value),
        }
    }
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        pairs.push((bytes(name)?.unwrap_or_default(), value));
    }
    Ok(pairs)
}
