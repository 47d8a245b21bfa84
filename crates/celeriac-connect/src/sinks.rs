//! Sinks: where result documents are saved.

#[cfg(feature = "http")]
mod http;
mod jsonl;

#[cfg(feature = "http")]
pub use http::Http;
pub use jsonl::Jsonl;
