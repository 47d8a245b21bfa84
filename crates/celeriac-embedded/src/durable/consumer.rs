//! One consumer of a directory, of either role. It outlives a change of role:
//! the pull that sees the owner go fails, the next one begins anew.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Consumer};

use super::place::{Place, Role};
use crate::socket::Client;

pub(super) struct DurableConsumer {
    place: Arc<Place>,
    subscription: Subscription,
    current: Option<Current>,
}

/// A consumer of one role.
struct Current {
    consumer: Box<dyn Consumer>,
    /// Through whom it consumes, if it is not the owner's own.
    client: Option<Arc<Client>>,
}

impl Current {
    fn is_lost(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_lost())
    }
}

impl DurableConsumer {
    pub(super) async fn new(place: Arc<Place>, subscription: Subscription) -> Result<Self> {
        let current = Some(begin(&place, &subscription, "consume").await?);
        Ok(Self { place, subscription, current })
    }
}

impl Consumer for DurableConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            if self.current.as_ref().is_some_and(Current::is_lost) {
                self.current = None;
            }
            let current = match &mut self.current {
                Some(current) => current,
                None => {
                    let current = begin(&self.place, &self.subscription, "pull").await?;
                    self.current.insert(current)
                }
            };
            current.consumer.pull(credit).await
        })
    }
}

async fn begin(
    place: &Place,
    subscription: &Subscription,
    operation: &'static str,
) -> Result<Current> {
    loop {
        let client = match place.role(operation).await? {
            Role::Owner(owning) => {
                let consumer = owning.owner.consume(subscription, usize::MAX)?;
                return Ok(Current { consumer: Box::new(consumer), client: None });
            }
            Role::Client(client) => client,
        };
        match client.consume(subscription.clone()).await {
            Ok(consumer) => {
                return Ok(Current { consumer: Box::new(consumer), client: Some(client) });
            }
            // Its owner is gone: nothing was taken, so who comes after it is asked.
            Err(_) if client.is_lost() => {}
            Err(error) => return Err(error),
        }
    }
}
