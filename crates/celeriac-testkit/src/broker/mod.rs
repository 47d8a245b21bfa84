//! The cases of `docs/spec/broker.md`.

pub mod advance;
pub mod life;
pub mod limits;
pub mod order;
pub mod pull;
pub mod queues;
pub mod settle;
pub mod shared;
