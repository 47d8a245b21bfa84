//! Where result documents are saved beside the store; declared by
//! [`App::sink`](crate::App::sink), or in TOML by
//! [`App::load_edges`](crate::App::load_edges).
//!
//! | sink | writes | feature |
//! |---|---|---|
//! | [`Jsonl`] | lines of JSON at the end of a file | |
//! | `Http` | POSTs to an endpoint | `http` (default) |
//! | `Postgres` | rows of a table, one for each task | `postgres` |
//! | `Redis` | entries of a stream | `redis` |
//! | `Nats` | messages of a subject, which a stream keeps | `nats` |
//!
//! Any [`celeriac_core::Sink`] that is `Clone` will do.

pub use celeriac_connect::sinks::*;
#[cfg(feature = "nats")]
pub use celeriac_nats::Sink as Nats;
#[cfg(feature = "postgres")]
pub use celeriac_postgres::Sink as Postgres;
#[cfg(feature = "redis")]
pub use celeriac_redis::Sink as Redis;
