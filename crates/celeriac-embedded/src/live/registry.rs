//! Which nodes are alive. Lost with the process by contract.

use std::collections::BTreeMap;

use celeriac_core::Timestamp;
use celeriac_core::store::Node;

/// Which nodes are alive.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    nodes: BTreeMap<String, Node>,
}

impl Registry {
    pub(crate) fn announce(&mut self, node: Node) {
        self.nodes.insert(node.name.clone(), node);
    }

    pub(crate) fn withdraw(&mut self, name: &str) {
        self.nodes.remove(name);
    }

    /// The nodes that are alive at `now`; the others are forgotten.
    pub(crate) fn nodes(&mut self, now: Timestamp) -> Vec<Node> {
        self.nodes.retain(|_, node| node.expires_at > now);
        self.nodes.values().cloned().collect()
    }
}
