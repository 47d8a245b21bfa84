//! The conformance suites, and what else sinks and sources promise.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod checks;
mod endpoint;
mod folder;
mod http;
mod interval;
mod jsonl;
mod server;
mod webhook;
