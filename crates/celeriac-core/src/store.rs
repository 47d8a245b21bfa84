//! The store: where coordination state lives, as small traits by domain.
//!
//! The duties are numbered in `docs/spec/store.md`; each has a case in the
//! conformance suite of `celeriac-testkit`.

mod advance;
mod dedup;
mod joins;
mod quarantine;
mod registry;
mod results;
mod revocations;
mod timers;
mod workflows;

pub use advance::{Advance, StoreId};
pub use dedup::{Claim, Claimed, Dedup};
pub use joins::{Join, Joined, Joins, Reopen};
pub use quarantine::{Content, Filter, Quarantine, Quarantined, Reason};
pub use registry::{Node, Registry};
pub use results::{Results, Watch};
pub use revocations::{Changes, Revocations};
pub use timers::Timers;
pub use workflows::{Transition, WorkflowFilter, Workflows};

/// Everything that a store owes, as one object.
pub trait Store:
    Results
    + Revocations
    + Timers
    + Dedup
    + Quarantine
    + Registry
    + Workflows
    + Joins
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: Results
        + Revocations
        + Timers
        + Dedup
        + Quarantine
        + Registry
        + Workflows
        + Joins
        + Send
        + Sync
        + 'static
{
}
