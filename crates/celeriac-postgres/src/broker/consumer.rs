//! One consumer: asks the desk, and takes leave of it.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Consumer, Error, ErrorKind};
use jumpstarter::Address;

use super::desk::{Desk, Pull, Subscribe};
use super::holdings::{ConsumerId, Holdings};
use crate::client::Client;
use crate::signals::Signals;

/// One consumer. What it has not settled goes back when it is dropped.
pub(super) struct DeskConsumer {
    client: Arc<Client>,
    desk: Address<Desk>,
    id: ConsumerId,
    holdings: Arc<Holdings>,
    signals: Arc<Signals>,
}

/// What the desk answers to a new consumer.
pub(super) struct Subscribed {
    pub(super) id: ConsumerId,
    pub(super) holdings: Arc<Holdings>,
    pub(super) signals: Arc<Signals>,
}

impl DeskConsumer {
    pub(super) async fn subscribe(
        client: &Arc<Client>,
        desk: &Address<Desk>,
        subscription: Subscription,
    ) -> Result<Self> {
        client.check_open("consume")?;
        let subscribed = desk.ask(Subscribe(subscription)).await;
        let subscribed = subscribed.map_err(|_| crashed(client, "consume"))??;
        let Subscribed { id, holdings, signals } = subscribed;
        Ok(Self { client: client.clone(), desk: desk.clone(), id, holdings, signals })
    }
}

impl Consumer for DeskConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        let pull = Pull { consumer: self.id, credit: credit.max(1) };
        Box::pin(self.client.while_open("pull", async {
            let handed = self.desk.ask(pull).await;
            let handed = handed.map_err(|_| crashed(&self.client, "pull"))??;
            Ok(handed.take().unwrap_or_default())
        }))
    }
}

impl Drop for DeskConsumer {
    fn drop(&mut self) {
        self.holdings.leave(self.id);
        self.signals.ring(|_| {});
    }
}

fn crashed(client: &Client, operation: &'static str) -> Error {
    if client.is_closed() {
        return client.closed(operation);
    }
    let context = format!("{}: it crashed meanwhile and starts again", client.place);
    Error::new(ErrorKind::Unreachable, operation, context)
}
