//! The program `celeriac`, called as people and programs call it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod actors;
mod alone;
mod brokers;
mod celeriac;
mod durable;
mod health;
mod keys;
mod publisher;
mod service;
mod workflow;
