//! The nouns, driver traits and wire format of Celeriac.
//!
//! Everything that two components must agree on lives here: what a
//! [`Message`] is, how it travels ([`wire`]), what a broker and a store owe
//! ([`broker`], [`store`]), what sinks and sources owe ([`sink`], [`source`]), what an execution platform owes ([`platform`]).
//! This crate knows no runtime, no client library, no file and no environment
//! variable; it decides nothing (that is `celeriac-engine`) and does no I/O
//! (that is a driver).

#![forbid(unsafe_code)]

pub mod address;
pub mod arguments;
pub mod body;
pub mod broker;
pub mod capability;
pub mod error;
pub mod header;
pub mod health;
pub mod id;
pub mod message;
pub mod name;
pub mod outcome;
pub mod platform;
pub mod retry;
pub mod simulation;
pub mod sink;
pub mod source;
pub mod store;
pub mod taking;
pub mod time;
pub mod wire;
pub mod workflow;

pub use address::Address;
pub use body::ContentType;
pub use broker::{Broker, Consumer};
pub use capability::Capability;
pub use error::{Error, ErrorKind};
pub use header::HeaderValue;
pub use health::HealthStatus;
pub use id::MessageId;
pub use message::{Kind, Message, Priority};
pub use name::{Name, QueueName};
pub use outcome::{Failure, Outcome, State};
pub use platform::ExecutionPlatform;
pub use retry::RetryPolicy;
pub use sink::Sink;
pub use source::Source;
pub use store::Store;
pub use time::Timestamp;

use std::future::Future;
use std::pin::Pin;

/// A boxed future: what every batch operation of a driver returns.
///
/// One box serves a whole batch, never a single message.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
