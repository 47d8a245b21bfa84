//! The map of rare headers: Celeriac's own beside the user's, in one map.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::Rare;

/// A duration in whole milliseconds.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Millis(#[serde(with = "crate::time::millis")] std::time::Duration);

impl From<std::time::Duration> for Millis {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration)
    }
}

impl From<Millis> for std::time::Duration {
    fn from(millis: Millis) -> Self {
        millis.0
    }
}

/// Defines the names, and from them both directions: `field: "name" as wire type`.
macro_rules! rare_headers {
    ($($field:ident: $name:literal as $wire:ty),* $(,)?) => {
        /// The names of headers that Celeriac uses itself.
        pub const RESERVED_HEADERS: &[&str] = &[$($name,)* "sinks"];

        impl Serialize for Rare {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let own = [$(self.$field.is_some(),)* !self.sinks.is_empty()];
                let own = own.into_iter().filter(|present| *present).count();
                let mut map = serializer.serialize_map(Some(own + self.headers.len()))?;
                $(
                    if let Some(value) = self.$field.clone() {
                        map.serialize_entry($name, &<$wire>::from(value))?;
                    }
                )*
                if !self.sinks.is_empty() {
                    map.serialize_entry("sinks", &self.sinks)?;
                }
                for (name, value) in &self.headers {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl<'de> Visitor<'de> for RareVisitor {
            type Value = Rare;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rare, A::Error> {
                let mut rare = Rare::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        $(
                            $name => {
                                let value = map.next_value::<Option<$wire>>()?;
                                rare.$field = value.map(Into::into);
                            }
                        )*
                        "sinks" => rare.sinks = map.next_value()?,
                        _ => {
                            let value = map.next_value()?;
                            rare.headers.insert(name, value);
                        }
                    }
                }
                Ok(rare)
            }
        }
    };
}

struct RareVisitor;

rare_headers! {
    eta: "eta" as crate::Timestamp,
    expires_at: "expires_at" as crate::Timestamp,
    deadline: "deadline_ms" as crate::Timestamp,
    root_id: "root_id" as crate::MessageId,
    parent_id: "parent_id" as crate::MessageId,
    correlation_id: "correlation_id" as crate::MessageId,
    reply_to: "reply_to" as crate::QueueName,
    workflow: "workflow" as crate::message::WorkflowStep,
    dedup_key: "dedup_key" as String,
    concurrency_token: "concurrency_token" as String,
    traceparent: "traceparent" as String,
    tracestate: "tracestate" as String,
    signature: "signature" as bytes::Bytes,
    retry: "retry" as crate::RetryPolicy,
    time_limit: "time_limit_ms" as Millis,
    soft_time_limit: "soft_time_limit_ms" as Millis,
    result_ttl: "result_ttl_ms" as Millis,
}

impl<'de> Deserialize<'de> for Rare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RareVisitor)
    }
}
