//! A consumer in a storm: what waits comes in another order, twice, or not
//! before its lease is over.

use celeriac_core::broker::Delivery;
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Consumer};
use jumpstarter::testing::Process;

use super::broker::{LEASE, give_back, handed};
use super::link::{Link, error, sleep};
use crate::faulty::Operation;

/// So many more than were asked for are taken, to be given in another order.
const AHEAD: usize = 4;

pub(super) struct SimConsumer {
    link: Link,
    /// Not there once the connection has broken.
    inner: Option<Box<dyn Consumer>>,
    /// Taken from the server, on the way: nothing is lost if a pull is dropped.
    on_the_way: Vec<Delivery>,
}

impl SimConsumer {
    pub(super) fn new(link: Link, inner: Box<dyn Consumer>) -> Self {
        Self { link, inner: Some(inner), on_the_way: Vec::new() }
    }

    async fn fetch(&mut self, credit: usize) -> Result<()> {
        let Some(inner) = &mut self.inner else { return Err(error(Operation::Pull)) };
        let cut_after = {
            let mut state = self.link.host.sky.state();
            let cut = state.weather.cut;
            state.happens("cut", cut).then(|| state.some_time(LEASE))
        };
        let pull = self.link.wait(Operation::Pull, || inner.pull(credit + AHEAD));
        let mut pulled = match cut_after {
            None => pull.await?,
            Some(time) => match tokio::time::timeout(time, pull).await {
                Ok(pulled) => pulled?,
                Err(_) => {
                    self.link.note(|| "is cut off".to_owned());
                    self.inner = None;
                    self.on_the_way.clear();
                    return Err(error(Operation::Pull));
                }
            },
        };
        self.link.host.sky.state().deaths.mark(&mut pulled);
        handed(&self.link, &pulled);
        self.on_the_way.extend(pulled);
        Ok(())
    }

    /// What arrives: some of what is on the way.
    fn arrive(&mut self, credit: usize) -> Vec<Delivery> {
        let sky = &self.link.host.sky;
        let mut state = sky.state();
        let weather = state.weather;
        let (mut arrived, mut copies) = (Vec::new(), Vec::new());
        if state.happens("reordered", weather.reorder) {
            for last in (1..self.on_the_way.len()).rev() {
                self.on_the_way.swap(last, state.dice.below(last + 1));
            }
        }
        let most = credit.min(self.on_the_way.len());
        let count = if weather.reorder > 0 { 1 + state.dice.below(most) } else { most };
        for delivery in self.on_the_way.drain(..count) {
            if state.happens("lease expired", weather.lease) {
                let lease = state.some_time(LEASE);
                give_back(sky.clone(), delivery.receipt, lease);
            }
            copies.extend(state.copy_of_another(&delivery));
            arrived.push(delivery);
        }
        copies.truncate(credit - arrived.len());
        arrived.extend(copies);
        arrived
    }
}

impl Consumer for SimConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            if self.on_the_way.is_empty() {
                self.fetch(credit).await?;
                let delay = self.link.host.sky.state().delay();
                sleep(delay).await;
            }
            Ok(self.arrive(credit))
        })
    }
}

impl Drop for SimConsumer {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        if !self.link.host.is_dead() {
            return;
        }
        let sky = self.link.host.sky.clone();
        let lease = {
            let mut state = sky.state();
            let lease = state.some_time(LEASE);
            if state.dice.percent(50) { std::time::Duration::ZERO } else { lease }
        };
        // The server notices the death at once, or when the lease is over.
        let expiry = async move {
            sleep(lease).await;
            drop(inner);
        };
        drop(Process::spawn(expiry));
    }
}
