//! The drivers: which schemes there are, which feature of this crate each
//! needs, and how it is opened. A driver has a line in [`DRIVERS`], and a
//! function below it.

use std::sync::Arc;

use celeriac_core::{Address, BoxFuture, Broker, Store};
use jumpstarter::System;

use super::Error;
use crate::config::Config;

/// What a driver gives.
#[derive(Clone)]
pub(super) struct Opened {
    /// The broker; nothing if the driver has none, or it was not wanted.
    pub(super) broker: Option<Arc<dyn Broker>>,
    /// The store, likewise.
    pub(super) store: Option<Arc<dyn Store>>,
}

/// What is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) broker: bool,
    pub(super) store: bool,
}

type Open = for<'a> fn(Opening<'a>) -> BoxFuture<'a, Result<Opened, celeriac_core::Error>>;

/// What opening a driver takes.
pub(super) struct Opening<'a> {
    pub(super) address: &'a Address,
    pub(super) wanted: Wanted,
    pub(super) config: &'a Config,
    pub(super) system: &'a System,
}

/// A driver, whether or not this build has it.
pub(super) struct Driver {
    /// The schemes of its addresses.
    schemes: &'static [&'static str],
    /// The feature of `celeriac` and `celeriac-cli` that it needs; none for
    /// what is always there.
    feature: Option<&'static str>,
    /// Whether it has a broker, and a store.
    pub(super) has_broker: bool,
    pub(super) has_store: bool,
    /// How it is opened; nothing if this build lacks the feature.
    pub(super) open: Option<Open>,
}

const DRIVERS: &[Driver] = &[
    Driver {
        schemes: &["memory", "file"],
        feature: None,
        has_broker: true,
        has_store: true,
        open: Some(embedded),
    },
    Driver {
        schemes: &["redis", "rediss"],
        feature: Some("redis"),
        has_broker: true,
        has_store: true,
        #[cfg(feature = "redis")]
        open: Some(redis),
        #[cfg(not(feature = "redis"))]
        open: None,
    },
    Driver {
        schemes: &["postgres", "postgresql"],
        feature: Some("postgres"),
        has_broker: true,
        has_store: true,
        #[cfg(feature = "postgres")]
        open: Some(postgres),
        #[cfg(not(feature = "postgres"))]
        open: None,
    },
    Driver {
        schemes: &["amqp", "amqps"],
        feature: Some("amqp"),
        has_broker: true,
        has_store: false,
        #[cfg(feature = "amqp")]
        open: Some(amqp),
        #[cfg(not(feature = "amqp"))]
        open: None,
    },
    Driver {
        schemes: &["nats", "tls"],
        feature: Some("nats"),
        has_broker: true,
        has_store: false,
        #[cfg(feature = "nats")]
        open: Some(nats),
        #[cfg(not(feature = "nats"))]
        open: None,
    },
];

/// The driver of an address.
///
/// # Errors
/// [`Error::Address`] for an address that no driver of this build reads, with
/// what to do about it.
pub(super) fn find(address: &Address) -> Result<&'static Driver, Error> {
    let refused = |advice: String| Error::Address { address: address.clone(), advice };
    let scheme = address.scheme();
    let Some(driver) = DRIVERS.iter().find(|driver| driver.schemes.contains(&scheme.as_str()))
    else {
        return Err(refused(format!("is no address; {}", hint())));
    };
    if let (None, Some(feature)) = (driver.open, driver.feature) {
        let advice = format!(
            "needs a driver that this build lacks; build with the feature `{feature}` of \
             `celeriac` (for the command line: of `celeriac-cli`)"
        );
        return Err(refused(advice));
    }
    let has_rest = !address.rest().is_empty();
    if has_rest == (scheme == "memory") {
        return Err(refused(format!("is no address; {}", hint())));
    }
    if address.is_redacted() {
        let advice = "has `***` in place of its password; write the password, or set the \
                      address by variable";
        return Err(refused(advice.to_owned()));
    }
    Ok(driver)
}

/// What addresses this build reads.
fn hint() -> String {
    let drivers = DRIVERS.iter().filter(|driver| driver.open.is_some() && driver.feature.is_some());
    let servers = drivers.map(|driver| format!("`{}://host`, ", driver.schemes[0]));
    let servers = servers.collect::<String>();
    format!("use `memory://`, {servers}`file:///directory`, or the path of a directory")
}

fn embedded(opening: Opening<'_>) -> BoxFuture<'_, Result<Opened, celeriac_core::Error>> {
    let Opening { address, wanted, config, system } = opening;
    Box::pin(async move {
        let options = celeriac_embedded::Options {
            queue_limit: config.queues.limit,
            ..celeriac_embedded::Options::default()
        };
        let address = format!("{}://{}", address.scheme(), address.rest());
        let celeriac_embedded::Opened { broker, store } =
            celeriac_embedded::open(&address, options, system).await?;
        Ok(Opened { broker: wanted.broker.then_some(broker), store: wanted.store.then_some(store) })
    })
}

#[cfg(feature = "nats")]
fn nats(opening: Opening<'_>) -> BoxFuture<'_, Result<Opened, celeriac_core::Error>> {
    let Opening { address, wanted, system, .. } = opening;
    Box::pin(async move {
        let options = celeriac_nats::Options::default();
        let nats = celeriac_nats::open(address, options, system).await?;
        Ok(Opened { broker: wanted.broker.then_some(nats as _), store: None })
    })
}

#[cfg(feature = "postgres")]
fn postgres(opening: Opening<'_>) -> BoxFuture<'_, Result<Opened, celeriac_core::Error>> {
    let Opening { address, wanted, config, system } = opening;
    Box::pin(async move {
        let options = celeriac_postgres::Options {
            queue_limit: config.queues.limit,
            ..celeriac_postgres::Options::default()
        };
        let address = celeriac_postgres::Config::parse(address.expose())?;
        let postgres = celeriac_postgres::Postgres::connect(address, options, system).await?;
        let broker = wanted.broker.then(|| postgres.clone() as Arc<dyn Broker>);
        let store = wanted.store.then_some(postgres as Arc<dyn Store>);
        Ok(Opened { broker, store })
    })
}

#[cfg(feature = "redis")]
fn redis(opening: Opening<'_>) -> BoxFuture<'_, Result<Opened, celeriac_core::Error>> {
    let Opening { address, wanted, config, system } = opening;
    Box::pin(async move {
        let options = celeriac_redis::Options {
            queue_limit: config.queues.limit,
            ..celeriac_redis::Options::default()
        };
        let redis = celeriac_redis::open(address, options, system).await?;
        Ok(Opened {
            broker: wanted.broker.then(|| redis.clone() as _),
            store: wanted.store.then_some(redis as _),
        })
    })
}

#[cfg(feature = "amqp")]
fn amqp(opening: Opening<'_>) -> BoxFuture<'_, Result<Opened, celeriac_core::Error>> {
    let Opening { address, system, .. } = opening;
    Box::pin(async move {
        let options = celeriac_amqp::Options::default();
        let amqp = celeriac_amqp::open(address, options, system).await?;
        Ok(Opened { broker: Some(amqp as _), store: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(address: &str) -> String {
        match find(&Address::from(address)) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn addresses() {
        for right in ["memory://", "memory", "file:///var/lib/app", "file://./data", "./data"] {
            assert_eq!(advice(right), "fine", "{right}");
        }
        for wrong in ["file://", "", "memory://x", "ftp://host"] {
            assert!(advice(wrong).contains("use `memory://`"), "{}", advice(wrong));
        }
    }

    #[test]
    fn a_scheme_of_another_build_names_its_feature() {
        for driver in DRIVERS.iter().filter(|driver| driver.open.is_none()) {
            let told = advice(&format!("{}://:hunter2@host", driver.schemes[0]));
            assert!(told.contains(&format!("feature `{}`", driver.feature.unwrap())), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
