//! The part of the state that lives in memory: plain structures without locks,
//! clocks or I/O, shared by every driver of this crate.

mod dedup;
mod flight;
mod id_map;
mod index;
mod join_state;
mod lane;
mod quarantine;
mod queue;
mod queues;
mod registry;
mod results;
mod revocations;
mod ring;
mod step_status;
mod stored;
mod timers;
mod versions;
mod wake;
mod watchers;
mod workflows;

pub(crate) use dedup::Dedup;
pub(crate) use flight::slot_of;
pub(crate) use id_map::IdHasher;
pub(crate) use join_state::JoinState;
pub(crate) use lane::{ColdPack, PACK, Payload, Ready};
pub(crate) use quarantine::Quarantine;
pub(crate) use queues::{ConsumerId, Credit, Queues, Settled, Taken};
pub(crate) use registry::Registry;
pub(crate) use results::{Results, done_entry};
pub(crate) use revocations::Revocations;
pub(crate) use step_status::StepStatus;
pub(crate) use stored::{Admission, Arrival, Load, bits};
pub(crate) use timers::{Due, Timers};
pub(crate) use versions::Versions;
pub(crate) use wake::Wake;
pub(crate) use workflows::{MEMBERS_WEIGHT, Workflows};
