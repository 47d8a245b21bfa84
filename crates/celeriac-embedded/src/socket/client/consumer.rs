//! One consumer of a client.

use std::sync::Arc;

use celeriac_core::broker::Delivery;
use celeriac_core::error::Result;
use celeriac_core::wire::Decoder;
use celeriac_core::{BoxFuture, Consumer, Error, ErrorKind};

use crate::socket::link::Link;
use crate::socket::request::{Request, Sent};

/// One consumer of a client.
pub(crate) struct ClientConsumer {
    link: Arc<Link>,
    number: u64,
}

impl ClientConsumer {
    pub(super) fn new(link: Arc<Link>, number: u64) -> Self {
        Self { link, number }
    }
}

impl Consumer for ClientConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let request = Request::Pull(self.number, credit as u64);
            let sent: Vec<Sent> = self.link.ask("pull", &request).await?;
            let mut decoder = Decoder::new();
            let deliveries = sent.into_iter().map(|sent| sent.into_delivery(&mut decoder));
            deliveries.collect::<std::result::Result<_, _>>().map_err(|error| {
                let context = format!("{}: what its owner sent can't be read", self.link.address());
                Error::new(ErrorKind::Internal, "pull", context).caused_by(error)
            })
        })
    }
}

impl Drop for ClientConsumer {
    fn drop(&mut self) {
        // If the owner is gone, so is the consumer.
        drop(self.link.tell("leave", &Request::Leave(self.number)));
    }
}
