//! Small sources and sinks without a heavy client: files, folders, HTTP,
//! webhooks, intervals.
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
//! What they owe stands in `docs/spec/sink.md` and `docs/spec/source.md`; each
//! passes the suite of `celeriac-testkit`. They are values until a worker
//! starts: only then is a file or a connection opened.

#![forbid(unsafe_code)]

#[cfg(feature = "http")]
mod client;
mod fault;
pub mod sinks;
pub mod sources;
