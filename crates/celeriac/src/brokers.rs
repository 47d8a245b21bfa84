//! Several brokers: how they are, and moving a queue from one to another.

use celeriac_core::QueueName;
use celeriac_publisher::relocation::{Moved, Relocation};
use celeriac_publisher::{Courier, courier::Report};

use crate::app::App;
use crate::connect::Error;

impl App {
    /// How each broker is, and what waits for it. A single broker in this
    /// process is never down, and is not in the list.
    ///
    /// # Errors
    /// [`Error::Driver`] when the app can't be opened.
    pub async fn brokers(&self) -> Result<Vec<Report>, Error> {
        Ok(self.connection().await?.couriers.iter().map(Courier::report).collect())
    }

    /// Moves what waits in a queue from one broker to another, in order, batch
    /// by batch; `progress` hears of each. What runs stays where it is.
    ///
    /// Nothing is lost: a message leaves the first broker when the second has
    /// it. Whoever dies in between leaves some on both: they bear `may_repeat`,
    /// and a task whose outcome is known is not run again. Call it again to go on.
    ///
    /// # Errors
    /// [`Error::NoBroker`] for a name that is not configured; [`Error::Driver`]
    /// when one of the brokers fails.
    pub async fn move_queue(
        &self,
        queue: &QueueName,
        from: &str,
        to: &str,
        mut progress: impl FnMut(Moved),
    ) -> Result<Moved, Error> {
        let (from, to) = (self.courier(from).await?, self.courier(to).await?);
        let mut relocation = Relocation::begin(from, to, queue).await?;
        while relocation.next().await? {
            progress(relocation.moved());
        }
        Ok(relocation.moved())
    }

    async fn courier(&self, name: &str) -> Result<&Courier, Error> {
        let couriers = &self.connection().await?.couriers;
        couriers.iter().find(|courier| courier.name() == name).ok_or_else(|| Error::NoBroker {
            name: name.to_owned(),
            known: self.config().all_brokers().iter().map(|(name, _)| (*name).to_owned()).collect(),
        })
    }
}
