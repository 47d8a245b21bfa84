//! The registry: which nodes (workers, routers …) are alive.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::{BoxFuture, QueueName, Timestamp};

/// A process that takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique among the living.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// The queue that it takes questions and orders from.
    pub inbox: QueueName,
    /// When it began.
    pub started_at: Timestamp,
    /// Until when it counts as alive unless it announces itself again.
    pub expires_at: Timestamp,
}

/// Which nodes are alive.
pub trait Registry {
    /// Announces a node, or renews it. May be lost when the store dies.
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>>;

    /// Takes a node out.
    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// The nodes that are alive at `now`, by name.
    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>>;
}
