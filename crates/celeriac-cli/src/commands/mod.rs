//! The commands, one file each: what it takes, what it does, how its answer looks.

pub(crate) mod actors;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod publisher;
pub(crate) mod quarantine;
pub(crate) mod queues;
pub(crate) mod result;
pub(crate) mod revoke;
pub(crate) mod send;
pub(crate) mod tasks;
pub(crate) mod worker;
pub(crate) mod workflow;
