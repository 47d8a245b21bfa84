//! Where documents come from; declared by [`App::source`](crate::App::source), or
//! in TOML by [`App::load_edges`](crate::App::load_edges).
//!
//! | source | finds | feature |
//! |---|---|---|
//! | [`Folder`] | new files in a folder | |
//! | [`Interval`] | what a function gives, every so often | |
//! | `Endpoint` | what is new at an HTTP endpoint, by asking | `http` (default) |
//! | `Webhook` | what is POSTed to it | `http` (default) |
//! | `Postgres` | new rows of a table or a query | `postgres` |
//!
//! Any [`celeriac_core::Source`] that is `Clone` will do.

pub use celeriac_connect::sources::*;
#[cfg(feature = "postgres")]
pub use celeriac_postgres::Source as Postgres;
