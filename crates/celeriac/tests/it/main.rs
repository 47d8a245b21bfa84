//! What the facade promises, from outside.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod macros;
mod misuse;
