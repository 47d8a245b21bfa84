//! Celeriac's broker, store, sink and source in PostgreSQL.
//!
//! [`Postgres::connect`] gives one object that is both; [`enqueue`] publishes
//! inside a transaction of the user's own, so that a rollback sends nothing.
//! [`Sink`] writes documents to a table and [`Source`] finds them in one, whatever
//! the broker is.
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
mod nagle;
mod name;
mod notifier;
mod open;
mod schema;
mod signals;
mod sink;
mod source;
mod store;
mod telling;

pub use config::{Config, Options};
pub use enqueue::enqueue;
pub use open::Postgres;
pub use sink::Sink;
pub use source::Source;
