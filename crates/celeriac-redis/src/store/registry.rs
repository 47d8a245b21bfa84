//! [`Registry`]: one hash of nodes by name.

use celeriac_core::error::Result;
use celeriac_core::store::{Node, Registry};
use celeriac_core::{BoxFuture, Error, ErrorKind, Timestamp};

use crate::Redis;
use crate::call::Call;
use crate::reply;

/// A node that expired so long ago is removed by whoever looks.
const REMOVE_AFTER_MS: u64 = 60 * 60 * 1000;

fn unreadable(operation: &'static str, error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, operation, format!("a node can't be read: {error}"))
}

impl Redis {
    async fn living(&self, now: Timestamp) -> Result<Vec<Node>> {
        self.shared.check_open("nodes")?;
        let nodes = self.shared.keys.nodes();
        let all = self.shared.client.one("nodes", Call::command("HVALS").arg(&nodes)).await?;
        let (mut living, mut dead) = (Vec::new(), Vec::new());
        for record in reply::strings(all)? {
            let node: Node =
                rmp_serde::from_slice(&record).map_err(|error| unreadable("nodes", error))?;
            if node.expires_at > now {
                living.push(node);
            } else if node.expires_at.as_millis() + REMOVE_AFTER_MS < now.as_millis() {
                dead.push(Call::command("HDEL").arg(&nodes).arg(node.name));
            }
        }
        self.shared.client.all("nodes", dead).await?;
        living.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(living)
    }
}

impl Registry for Redis {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("announce")?;
            let record = rmp_serde::to_vec(&node).map_err(|error| unreadable("announce", error))?;
            let call = Call::command("HSET").arg(self.shared.keys.nodes());
            self.shared.client.one("announce", call.arg(node.name).arg(record)).await.map(drop)
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("withdraw")?;
            let call = Call::command("HDEL").arg(self.shared.keys.nodes()).arg(name);
            self.shared.client.one("withdraw", call).await.map(drop)
        })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(self.living(now))
    }
}
