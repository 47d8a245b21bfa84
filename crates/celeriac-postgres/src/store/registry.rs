//! [`Registry`]: a row for each node, in a table that a crash of the server
//! empties.

use celeriac_core::error::Result;
use celeriac_core::store::{Node, Registry};
use celeriac_core::{BoxFuture, Timestamp};

use super::encode;
use crate::{Postgres, column};

impl Registry for Postgres {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.client.check_open("announce")?;
            let announce = sqlx::query(
                "INSERT INTO node (name, expires_at, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET \
                 expires_at = excluded.expires_at, body = excluded.body",
            );
            let announce = announce.bind(&node.name).bind(column::millis(node.expires_at));
            let announced = announce.bind(encode(&node)).execute(&self.client.loose).await;
            announced.map(drop).map_err(|error| self.client.failed("announce", error))
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.client.check_open("withdraw")?;
            let withdraw = sqlx::query("DELETE FROM node WHERE name = $1").bind(name);
            let withdrawn = withdraw.execute(&self.client.loose).await;
            withdrawn.map(drop).map_err(|error| self.client.failed("withdraw", error))
        })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move {
            self.client.check_open("nodes")?;
            let nodes = "SELECT body FROM node WHERE expires_at > $1 ORDER BY name";
            let nodes = sqlx::query_scalar::<_, Vec<u8>>(nodes).bind(column::millis(now));
            let nodes = nodes.fetch_all(&self.client.loose).await;
            let nodes = nodes.map_err(|error| self.client.failed("nodes", error))?;
            self.read("nodes", nodes.iter().map(|node| rmp_serde::from_slice(node)).collect())
        })
    }
}
