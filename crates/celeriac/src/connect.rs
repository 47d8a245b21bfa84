//! Connecting: from an address to a broker and a store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Broker, MessageId, Store};
use celeriac_embedded::Opened;
use celeriac_publisher::Publisher;
use jumpstarter::System;

use crate::config::Config;
use crate::result::AsyncResult;

/// What addresses there are, as a hint.
pub(crate) const ADDRESSES: &str =
    "use `memory://`, `file:///directory`, or the path of a directory";

/// Why an app could not connect, or an operation on its broker or store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address names no broker that this build knows.
    #[error("`{0}` is no broker address; {hint}", hint = ADDRESSES)]
    Address(String),
    /// The driver failed.
    #[error("failed to {0}")]
    Driver(#[source] Arc<celeriac_core::Error>),
}

impl From<celeriac_core::Error> for Error {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Driver(Arc::new(error))
    }
}

/// Where messages wait and state lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    Directory(PathBuf),
}

impl Location {
    /// Reads an address.
    pub(crate) fn parse(address: &str) -> Result<Self, Error> {
        if address == "memory" || address == "memory://" {
            return Ok(Self::Memory);
        }
        let path = match address.split_once("://") {
            Some(("file", path)) => path,
            Some(_) => return Err(Error::Address(address.to_owned())),
            None => address,
        };
        if path.is_empty() {
            return Err(Error::Address(address.to_owned()));
        }
        Ok(Self::Directory(PathBuf::from(path)))
    }

    /// The address in full, as the driver reads it.
    fn address(&self) -> String {
        match self {
            Self::Memory => "memory://".to_owned(),
            Self::Directory(path) => format!("file://{}", path.display()),
        }
    }
}

/// What an app is connected to.
pub(crate) struct Connection {
    pub(crate) system: System,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Publisher,
    revoke_ttl: Duration,
}

impl Connection {
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let system = System::new("celeriac");
        let options = celeriac_embedded::Options {
            queue_limit: config.queues.limit,
            ..celeriac_embedded::Options::default()
        };
        let address = Location::parse(&config.broker)?.address();
        let Opened { broker, store } = celeriac_embedded::open(&address, options, &system).await?;
        Ok(Self::over(config, system, (broker, store)))
    }

    /// A connection over a broker and a store that are open.
    pub(crate) fn over(
        config: &Config,
        system: System,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
    ) -> Self {
        let publisher_options = celeriac_publisher::Options {
            max_body_bytes: config.messages.max_body_bytes,
            room_timeout: config.queues.room_timeout,
            ..celeriac_publisher::Options::default()
        };
        let publisher = Publisher::start(&system, broker.clone(), store.clone(), publisher_options);
        let revoke_ttl = config.tasks.revoke_ttl;
        Self { system, broker, store, publisher, revoke_ttl }
    }

    /// The handle of a task.
    pub(crate) fn result<T>(&self, id: MessageId) -> AsyncResult<T> {
        AsyncResult::new(id, self.store.clone(), self.revoke_ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let directory = |path: &str| Location::Directory(PathBuf::from(path));
        assert_eq!(Location::parse("memory://").unwrap(), Location::Memory);
        assert_eq!(Location::parse("file:///var/lib/app").unwrap(), directory("/var/lib/app"));
        assert_eq!(Location::parse("file://./data").unwrap(), directory("./data"));
        assert_eq!(Location::parse("./data").unwrap(), directory("./data"));
        for wrong in ["redis://localhost", "file://", ""] {
            let error = Location::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("use `memory://`"), "{error}");
        }
    }
}
