//! Connecting: from addresses to a broker and a store. Which drivers there are
//! is said in [`drivers`].

mod brokers;
mod drivers;
mod guard;

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::health::Board;
use celeriac_core::{Address, Broker, MessageId, Store};
use celeriac_engine::routing::Routes;
use celeriac_publisher::{Courier, Publisher};
use jumpstarter::System;

use self::drivers::{Opened, Opening, Wanted};
pub use self::guard::host_name;
use crate::config::Config;
use crate::result::AsyncResult;

/// Why an app could not connect, or an operation on its broker or store failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address names no driver that this build has.
    #[error("`{address}` {advice}")]
    Address {
        /// The address.
        address: Address,
        /// What is wrong with it, and what to do about it.
        advice: String,
    },
    /// The broker keeps no state, and no store was named.
    #[error(
        "the broker `{broker}` keeps messages only; name a store as well: the key `store`, \
         the variable CELERIAC_STORE, or `--store`"
    )]
    NoStore {
        /// The broker.
        broker: Address,
    },
    /// There is no folder for keys.
    #[error(
        "there is no folder for keys, since neither HOME nor XDG_CONFIG_HOME is set; name one: \
         the key `security.folder`, or CELERIAC_SECURITY__FOLDER"
    )]
    NoKeys,
    /// The keys could not be read or made.
    #[error(transparent)]
    Keys(Arc<celeriac_security::Error>),
    /// A route, or a named broker, is not right.
    #[error("{0}")]
    Routes(String),
    /// No broker has this name.
    #[error("no broker is named `{name}`; there are {}", known.join(", "))]
    NoBroker {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The driver failed.
    #[error("failed to {0}")]
    Driver(#[source] Arc<celeriac_core::Error>),
}

impl From<celeriac_core::Error> for Error {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Driver(Arc::new(error))
    }
}

impl From<celeriac_security::Error> for Error {
    fn from(error: celeriac_security::Error) -> Self {
        Self::Keys(Arc::new(error))
    }
}

/// Whether the address is one of a broker that this build can open.
pub(crate) fn check_broker(address: &Address) -> Result<(), Error> {
    let driver = drivers::find(address)?;
    has("keeps no messages: it is no broker", address, driver.has_broker)
}

/// Whether the address is one of a store that this build can open.
pub(crate) fn check_store(address: &Address) -> Result<(), Error> {
    let driver = drivers::find(address)?;
    has("keeps messages only: it is no store", address, driver.has_store)
}

fn has(else_advice: &str, address: &Address, has: bool) -> Result<(), Error> {
    let refused = || Error::Address { address: address.clone(), advice: else_advice.to_owned() };
    has.then_some(()).ok_or_else(refused)
}

/// Whether the configuration names a broker, and a store or a broker that has one.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    check_broker(&config.broker)?;
    for named in config.brokers.values() {
        check_broker(&named.url)?;
    }
    config.routing().map_err(Error::Routes)?;
    match &config.store {
        Some(store) => check_store(store),
        None if drivers::find(&config.broker)?.has_store => Ok(()),
        None => Err(Error::NoStore { broker: config.broker.clone() }),
    }
}

/// What an app is connected to.
pub(crate) struct Connection {
    pub(crate) system: System,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Publisher,
    /// Where the parts of this process show how they are.
    pub(crate) board: Board,
    /// One for each broker; none for a broker in this process, or given open.
    pub(crate) couriers: Vec<Courier>,
    /// The broker, as one that can sign and encrypt for others; none around
    /// drivers that were given open.
    #[cfg(feature = "postgres")]
    pub(crate) guard: Option<Arc<celeriac_security::Guard>>,
    revoke_ttl: Duration,
}

impl Connection {
    pub(crate) async fn open(config: &Config, board: Board) -> Result<Self, Error> {
        check(config)?;
        let system = System::new("celeriac");
        let (broker, store) = brokers::opened(config, &system).await?;
        let all = brokers::all(config, &system, broker).await?;
        let guard = Arc::new(guard::guarded(config, all.broker)?);
        let broker: Arc<dyn Broker> = guard.clone();
        let couriers = (all.couriers, all.routes);
        let connection = Self::start(config, system, (broker, store), couriers, board);
        #[cfg(feature = "postgres")]
        let connection = Self { guard: Some(guard), ..connection };
        Ok(connection)
    }

    /// A connection over a broker and a store that are open.
    pub(crate) fn over(
        config: &Config,
        system: System,
        drivers: (Arc<dyn Broker>, Arc<dyn Store>),
        board: Board,
    ) -> Self {
        Self::start(config, system, drivers, (Vec::new(), Routes::single()), board)
    }

    fn start(
        config: &Config,
        system: System,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        (couriers, routes): (Vec<Courier>, Routes),
        board: Board,
    ) -> Self {
        let options = celeriac_publisher::Options {
            max_body_bytes: config.messages.max_body_bytes,
            room_timeout: config.queues.room_timeout,
            ..celeriac_publisher::Options::default()
        };
        let drivers = (broker.clone(), store.clone());
        let publisher = Publisher::start_over(&system, drivers, (&couriers, routes), options);
        let revoke_ttl = config.tasks.revoke_ttl;
        couriers.iter().for_each(|courier| courier.show_on(&board));
        Self {
            system,
            broker,
            store,
            publisher,
            board,
            couriers,
            #[cfg(feature = "postgres")]
            guard: None,
            revoke_ttl,
        }
    }

    /// The handle of a task.
    pub(crate) fn result<T>(&self, id: MessageId) -> AsyncResult<T> {
        AsyncResult::new(id, self.store.clone(), self.revoke_ttl)
    }
}

async fn open(
    address: &Address,
    wanted: Wanted,
    config: &Config,
    system: &System,
) -> Result<Opened, Error> {
    let opening = Opening { address, wanted, config, system };
    match drivers::find(address)?.open {
        Some(open) => Ok(open(opening).await?),
        None => Err(not_given("driver", address).into()),
    }
}

/// A driver that does not give what its line in the table says.
fn not_given(what: &str, address: &Address) -> celeriac_core::Error {
    let context = format!("the driver of `{address}` gave no {what}");
    celeriac_core::Error::new(celeriac_core::ErrorKind::Internal, "open", context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_and_store_are_checked_apart() {
        let config = |broker: &str, store: Option<&str>| Config {
            broker: Address::from(broker),
            store: store.map(Address::from),
            ..Config::default()
        };
        assert!(check(&config("memory://", None)).is_ok());
        assert!(check(&config("memory://", Some("./data"))).is_ok());
        let error = check(&config("memory://", Some("ftp://x"))).unwrap_err();
        assert!(error.to_string().starts_with("`ftp://x` is no address; use"), "{error}");
    }

    #[test]
    fn a_broker_without_a_store_asks_for_one_by_its_key() {
        let broker = Address::from("amqp://shop:hunter2@rabbit");
        let told = Error::NoStore { broker }.to_string();
        assert!(told.contains("`amqp://shop:***@rabbit`"), "{told}");
        assert!(told.contains("the key `store`"), "{told}");
    }
}
