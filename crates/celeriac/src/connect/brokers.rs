//! Several brokers as one, and what waits for each while it is down.
//!
//! A single broker in this process (`memory://`, a directory) is used as it
//! is. A server has a courier, so that senders outlive its absence; several
//! brokers are a fleet of couriers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{
    Address, BoxFuture, Broker, Capability, Error as DriverError, ErrorKind, Store,
};
use celeriac_engine::routing::Routes;
use celeriac_publisher::{Courier, Fleet, LateBroker, LateStore, courier};
use futures_util::future::join_all;
use jumpstarter::System;

use super::drivers::{Opened, Wanted};
use super::{Error, not_given, open};
use crate::config::Config;

/// The brokers of an app, as one.
pub(super) struct Brokers {
    pub(super) broker: Arc<dyn Broker>,
    /// The couriers of all; none for a single broker in this process.
    pub(super) couriers: Vec<Courier>,
    pub(super) routes: Routes,
}

/// How long an app waits at its start for a backlog that is left to be published.
const SETTLED: Duration = Duration::from_secs(2);
const ONLY_BROKER: Wanted = Wanted { broker: true, store: false };
const ONLY_STORE: Wanted = Wanted { broker: false, store: true };

/// Whether the app can begin while a broker is down: others stand in for it,
/// or a disk takes its messages.
pub(super) fn may_be_late(config: &Config) -> bool {
    !config.brokers.is_empty() || !config.backlog.folder.is_empty()
}

/// The broker `default` and the store.
///
/// # Errors
/// [`Error::Driver`] when one of them can't be opened, and must be now.
pub(super) async fn opened(
    config: &Config,
    system: &System,
) -> Result<(Arc<dyn Broker>, Arc<dyn Store>), Error> {
    let address = &config.broker;
    if let Some(store) = config.store.as_ref().filter(|store| *store != address) {
        let broker = now_or_late(config, system, address).await?;
        let opened = open(store, ONLY_STORE, config, system).await?;
        return Ok((broker, opened.store.ok_or_else(|| not_given("store", store))?));
    }
    let both = Wanted { broker: true, store: true };
    match open(address, both, config, system).await {
        Ok(Opened { broker, store }) => {
            let broker = broker.ok_or_else(|| not_given("broker", address))?;
            Ok((broker, store.ok_or_else(|| not_given("store", address))?))
        }
        Err(Error::Driver(error)) if error.is_retryable() && may_be_late(config) => {
            tracing::warn!(broker = %address, %error, "broker and store are down: tried again");
            Ok((late(config, system, address), late_store(config, system)))
        }
        Err(error) => Err(error),
    }
}

/// The broker `default`, open, and all others with it.
pub(super) async fn all(
    config: &Config,
    system: &System,
    default: Arc<dyn Broker>,
) -> Result<Brokers, Error> {
    let routes = config.routing().map_err(Error::Routes)?;
    let is_here = matches!(config.broker.scheme().as_str(), "memory" | "file");
    if is_here && !may_be_late(config) {
        return Ok(Brokers { broker: default, couriers: Vec::new(), routes });
    }
    let mut couriers = Vec::new();
    for (at, (name, address)) in config.all_brokers().into_iter().enumerate() {
        let broker = match at {
            0 => default.clone(),
            _ => now_or_late(config, system, address).await?,
        };
        let disk = disk(config, name, system).await?;
        couriers.push(Courier::start(system, name, broker, disk, options(config)));
    }
    if !config.backlog.folder.is_empty() {
        join_all(couriers.iter().map(|courier| courier.settled(SETTLED))).await;
    }
    let broker: Arc<dyn Broker> = match &*couriers {
        [only] => Arc::new(only.clone()),
        many => Arc::new(Fleet::new(many.to_vec(), routes.clone())),
    };
    Ok(Brokers { broker, couriers, routes })
}

/// Opens a broker; one that can't be reached is opened when it can be.
pub(super) async fn now_or_late(
    config: &Config,
    system: &System,
    address: &Address,
) -> Result<Arc<dyn Broker>, Error> {
    let opened = broker(config.clone(), system.clone(), address.clone()).await;
    match opened {
        Err(error) if error.is_retryable() && may_be_late(config) => {
            tracing::warn!(broker = %address, %error, "a broker is down: it is tried again");
            Ok(late(config, system, address))
        }
        opened => Ok(opened?),
    }
}

/// A broker that is opened when it can be.
pub(super) fn late(config: &Config, system: &System, address: &Address) -> Arc<dyn Broker> {
    let (config, system, address) = (config.clone(), system.clone(), address.clone());
    let open = move || -> BoxFuture<'static, _> {
        Box::pin(broker(config.clone(), system.clone(), address.clone()))
    };
    // What every server's driver can do.
    let expected = Capability::NONE.durable().priorities().transient_queues().shared();
    Arc::new(LateBroker::new(Box::new(open), expected))
}

/// A store that is opened when it can be.
pub(super) fn late_store(config: &Config, system: &System) -> Arc<dyn Store> {
    let (config, system) = (config.clone(), system.clone());
    let open = move || -> BoxFuture<'static, _> {
        let (config, system) = (config.clone(), system.clone());
        Box::pin(async move {
            let address = config.store_address();
            let opened = open(address, ONLY_STORE, &config, &system).await.map_err(of_driver)?;
            opened.store.ok_or_else(|| not_given("store", address))
        })
    };
    Arc::new(LateStore::new(Box::new(open)))
}

async fn broker(
    config: Config,
    system: System,
    address: Address,
) -> celeriac_core::error::Result<Arc<dyn Broker>> {
    let opened = open(&address, ONLY_BROKER, &config, &system).await.map_err(of_driver)?;
    opened.broker.ok_or_else(|| not_given("broker", &address))
}

/// The driver's error, by which is decided whether to try again.
fn of_driver(error: Error) -> DriverError {
    match error {
        Error::Driver(error) => match Arc::try_unwrap(error) {
            Ok(error) => error,
            Err(shared) => DriverError::new(shared.kind(), "open", shared.context()),
        },
        other => DriverError::new(ErrorKind::Config, "open", other.to_string()),
    }
}

/// Where a broker's messages are kept while it is down, if that is wanted.
async fn disk(
    config: &Config,
    name: &str,
    system: &System,
) -> Result<Option<Arc<dyn Broker>>, Error> {
    if config.backlog.folder.is_empty() {
        return Ok(None);
    }
    let folder = Path::new(&config.backlog.folder).join(name);
    let address = format!("file://{}", folder.display());
    let options = celeriac_embedded::Options::default();
    Ok(Some(celeriac_embedded::open(&address, options, system).await?.broker))
}

fn options(config: &Config) -> courier::Options {
    courier::Options {
        limit: config.backlog.limit,
        when_full: config.backlog.when_full,
        wait: config.backlog.wait,
        ..courier::Options::default()
    }
}
