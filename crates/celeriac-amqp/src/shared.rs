//! What broker, consumers and keeper have in common.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use celeriac_core::broker::Settlement;
use celeriac_core::error::Result;
use celeriac_core::taking::{Departures, Origin};
use celeriac_core::{BoxFuture, Error, ErrorKind, QueueName};
use jumpstarter::Spawner;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::client::Client;
use crate::link::{Link, link_of};
use crate::names::Names;

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) names: Names,
    departures: Departures,
    pub(crate) spawner: Mutex<Option<Spawner>>,
    pub(crate) closed: watch::Sender<bool>,
    links: Mutex<BTreeMap<u64, Arc<Link>>>,
    numbers: AtomicU64,
}

impl Shared {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            names: Names::default(),
            departures: Departures::default(),
            spawner: Mutex::new(None),
            closed: watch::Sender::new(false),
            links: Mutex::default(),
            numbers: AtomicU64::new(1),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    pub(crate) fn closed_error(&self, operation: &'static str) -> Error {
        let context = format!("{} was closed; open it again", self.client.shown());
        Error::new(ErrorKind::Closed, operation, context)
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        if self.is_closed() { Err(self.closed_error(operation)) } else { Ok(()) }
    }

    /// A channel for a consumer.
    pub(crate) async fn link(&self) -> Result<Arc<Link>> {
        let live = self.client.live("pull").await?;
        let channel = live.channel().await.map_err(self.client.failed("pull"))?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let link = Arc::new(Link::new(number, live, channel));
        self.links.lock().insert(number, link.clone());
        Ok(link)
    }

    /// Nothing can be settled through this link any more.
    pub(crate) fn unlink(&self, link: &Link) {
        self.links.lock().remove(&link.number);
    }

    /// Settles each through its link. What has no link any more went back when
    /// its channel ended.
    pub(crate) async fn settle(&self, batch: &[Settlement]) -> Result<()> {
        let mut parts: BTreeMap<u64, Vec<Settlement>> = BTreeMap::new();
        for settlement in batch {
            parts.entry(link_of(settlement.receipt)).or_default().push(*settlement);
        }
        for (number, part) in parts {
            let link = self.links.lock().get(&number).cloned();
            let Some(link) = link else { continue };
            link.settle(&part).await.map_err(self.client.failed("settle"))?;
        }
        Ok(())
    }

    /// How many messages of each queue this process holds.
    pub(crate) fn in_flight(&self) -> HashMap<QueueName, u64> {
        let mut counts = HashMap::new();
        for link in self.links.lock().values().filter(|link| link.is_usable()) {
            link.count(&mut counts);
        }
        counts
    }
}

impl Origin for Shared {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        let spawner = self.spawner.lock().clone();
        if let Some(spawner) = spawner {
            drop(spawner.spawn(future));
        }
    }

    fn give_back(&self, batch: Vec<Settlement>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.settle(&batch).await {
                tracing::debug!(%error, "what was not settled went back with its channel");
            }
        })
    }

    fn departures(&self) -> &Departures {
        &self.departures
    }
}
