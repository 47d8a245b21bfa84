//! Small sources and sinks without a heavy client: files, folders, HTTP,
//! webhooks, intervals; and health checks of what a worker needs.
//!
//! | sink | writes |
//! |---|---|
//! | [`sinks::Jsonl`] | lines of JSON at the end of a file |
//! | [`sinks::Http`] | POSTs to an endpoint |
//!
//! | source | finds |
//! |---|---|
//! | [`sources::Folder`] | new files in a folder |
//! | [`sources::Endpoint`] | what is new at an HTTP endpoint, by asking |
//! | [`sources::Webhook`] | what is POSTed to it |
//! | [`sources::Interval`] | what a function gives, every so often |
//!
//! | check | looks at |
//! |---|---|
//! | [`checks::Http`] | an endpoint, by OPTIONS |
//! | [`checks::Tcp`] | a port |
//! | `checks::Disk` | a file system, on Unix |
//! | [`checks::Memory`] | the machine's memory, on Linux |
//! | [`checks::Lag`] | the event loop |
//!
//! [`server`] is one HTTP connection for whoever has answers.
//!
//! What they owe stands in `docs/spec/sink.md` and `docs/spec/source.md`; each
//! passes the suite of `celeriac-testkit`. They are values until a worker
//! starts: only then is a file or a connection opened.

#![forbid(unsafe_code)]

pub mod checks;
#[cfg(feature = "http")]
mod client;
mod fault;
#[cfg(feature = "http")]
pub mod server;
pub mod sinks;
pub mod sources;
#[cfg(feature = "http")]
pub mod token;
