//! Celeriac's router: from broker to workers and back to store and broker.
//!
//! A few actors around the engine's pure decisions:
//!
//! | actor | does |
//! |---|---|
//! | [`intake`] | pulls deliveries, as many as there is credit for |
//! | [`router`] | owns the engine; dispatches runs, takes their outcomes |
//! | [`committer`] | makes decisions durable: tell workflows, publish, write |
//! | [`settler`] | ends deliveries whose outcomes are durable |
//! | [`timers`] | publishes what waited for its time |
//! | [`revocations`] | hears of revocations |
//! | [`presence`] | announces this process |
//! | [`inbox`] | answers questions about this process |
//! | [`ingress`] | publishes what a source finds |
//! | [`checks`] | look at what is needed, one actor each |
//! | [`egress`] | writes what waits for a sink |
//! | [`node`] | depends on all of these but the inbox, which it starts and can do without |

#![forbid(unsafe_code)]

mod checks;
mod circuits;
mod committer;
mod connections;
mod cursor;
mod edges;
mod egress;
mod feeds;
mod fuse;
mod gate;
mod health;
mod inbox;
mod ingress;
mod intake;
mod node;
mod overall;
mod patience;
mod presence;
mod revocations;
mod router;
mod service;
mod settler;
mod silence;
mod timers;
mod workflows;
mod write;

pub use checks::{CheckOf, Checks};
pub use circuits::Connections;
pub use connections::{BrokerCheck, StoreCheck};
pub use edges::{Edges, SinkOf, SourceOf};
pub use fuse::Fuse;
pub use inbox::{Answer, Question, inbox_of};
pub use service::{Options, Service, StartError};
pub use workflows::Workflows;
pub use write::write;
