//! The store in PostgreSQL, a file for each domain.

mod dedup;
mod joins;
mod quarantine;
mod registry;
mod results;
mod revocations;
mod step_status;
mod steps;
mod timers;
mod workflows;

pub(crate) use timers::schedule_rows;
pub(crate) use workflows::forget_expired_workflows;

use celeriac_core::error::Result;
use serde::Serialize;

use crate::Postgres;
use crate::error::corrupt;

/// A record that only this driver reads, as bytes.
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain data has a MessagePack form, and memory can't fail.
    rmp_serde::to_vec(value).unwrap_or_default()
}

impl Postgres {
    /// What was read, or that it can't be.
    fn read<T, E>(&self, operation: &'static str, read: std::result::Result<T, E>) -> Result<T>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        read.map_err(|error| corrupt(operation, &self.client.place, error))
    }
}
