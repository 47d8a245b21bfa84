//! The store: one file per trait of `celeriac_core::store`.

mod dedup;
mod joins;
mod outcomes;
mod quarantine;
mod registry;
mod results;
mod revocations;
mod timers;
mod workflows;

use std::sync::atomic::AtomicU64;

pub(crate) use joins::all_joined;
pub(crate) use outcomes::{Bucket, Recording, take_out_expired};

use parking_lot::Mutex;

/// What this opening of the store remembers.
#[derive(Default)]
pub(crate) struct Memory {
    /// Revocations, as they were when this many were heard of.
    revoked: Mutex<revocations::Known>,
    /// What `next_due` saw last of how often it came nearer.
    seen_timers: AtomicU64,
}
