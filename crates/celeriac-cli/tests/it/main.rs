//! The program `celeriac`, called as people and programs call it.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod actors;
mod alone;
mod celeriac;
mod durable;
mod keys;
mod service;
mod workflow;
