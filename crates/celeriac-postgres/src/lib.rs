//! Celeriac's broker and store in PostgreSQL.
//!
//! [`Postgres::connect`] gives one object that is both; [`enqueue`] publishes
//! inside a transaction of the user's own, so that a rollback sends nothing.
//! How the tables are laid out, and why, is told in `README.md`.

#![forbid(unsafe_code)]

mod broker;
mod client;
mod column;
mod config;
mod enqueue;
mod error;
mod keeper;
mod lane;
mod listener;
mod notifier;
mod open;
mod schema;
mod signals;
mod store;
mod telling;

pub use config::{Config, Options};
pub use enqueue::enqueue;
pub use open::Postgres;
