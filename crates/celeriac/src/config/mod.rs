//! Configuration: one typed value, with a default for everything.

use std::collections::BTreeMap;
use std::time::Duration;

use celeriac_core::{Address, RetryPolicy};
use celeriac_publisher::courier;
pub use celeriac_publisher::courier::WhenFull;
use celeriac_security::Inboxes;
use serde::{Deserialize, Serialize};

mod breakers;
mod brokers;
mod checks;
mod document;
mod duration;
mod error;
mod keys;
mod load;
pub(crate) mod nearest;

pub use breakers::Breakers;
pub use brokers::{NamedBroker, Route};
pub use checks::{Check, Kind};
pub use error::{Error, Mistake, Place};

/// How an app behaves. Every key has a default; see [`Config::to_toml`] for a
/// documented file, and [`Config::load`] for files and variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where messages wait: `memory://`, `file:///directory` (also a plain
    /// path), or a server such as `redis://host`, if its feature is enabled.
    /// Default `file://./celeriac-data`.
    pub broker: Address,
    /// Where state lives: results, timers, workflows … An address as for
    /// `broker`. Default: where the broker is, if it keeps state as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Address>,
    /// More brokers, by name; `broker` is the one named `default`. Default none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<String, NamedBroker>,
    /// Which messages go to which brokers: the first that matches holds, and
    /// everything else goes to `default`. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// What workers do.
    pub worker: Worker,
    /// What holds for tasks that say nothing themselves.
    pub tasks: Tasks,
    /// What holds for queues.
    pub queues: Queues,
    /// What senders may send.
    pub messages: Messages,
    /// What happens to messages while their broker is down.
    pub backlog: Backlog,
    /// Who may say what to whom.
    pub security: Security,
    /// When circuits open.
    pub breakers: Breakers,
    /// What is looked at without being declared.
    pub health: Health,
    /// Health checks, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, Check>,
}

/// What workers do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    /// The worker's name; empty: made of host, process and a number. Default empty.
    pub name: String,
    /// The queues it serves; empty: `default` and those of its tasks. Default empty.
    pub queues: Vec<String>,
    /// How many runs of one async task may be under way at once. Default 100.
    pub concurrency: usize,
    /// How many threads sync tasks run on; 0: one per core. Default 0.
    pub threads: usize,
    /// How long running tasks may go on when the worker stops. Default 30 s.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// How many processes may die while they run a message before it is taken
    /// for the cause and quarantined. Default 3.
    pub max_deaths: u32,
}

/// What holds for tasks that say nothing themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tasks {
    /// How often a task runs at the most, the first time included. Default 5.
    pub max_attempts: u32,
    /// The upper end of the first delay between attempts. Default 1 s.
    #[serde(with = "duration")]
    pub retry_initial: Duration,
    /// The upper end of every delay between attempts. Default 2 min.
    #[serde(with = "duration")]
    pub retry_cap: Duration,
    /// How long outcomes are kept. Default 24 h.
    #[serde(with = "duration")]
    pub result_ttl: Duration,
    /// When a run is asked to stop. Default never.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub soft_time_limit: Option<Duration>,
    /// When a run is ended. Default never.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Duration>,
    /// How long a revoked id stays revoked. Default 30 days.
    #[serde(with = "duration")]
    pub revoke_ttl: Duration,
}

/// What is looked at without being declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// How often a worker looks whether broker and store answer; 0: never.
    /// Default 10 s.
    #[serde(with = "duration")]
    pub connections_every: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self { connections_every: crate::health::EVERY }
    }
}

/// What holds for queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queues {
    /// How many messages may wait in one queue. Default 1,000,000.
    pub limit: usize,
    /// How long a sender waits for room in a full queue. Default 30 s.
    #[serde(with = "duration")]
    pub room_timeout: Duration,
}

/// What senders may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Messages {
    /// The largest body, in bytes. Default 1 MiB.
    pub max_body_bytes: usize,
}

/// What happens to messages while their broker is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backlog {
    /// The folder in which they are kept, for this process alone; empty:
    /// senders wait until the broker is back. Default empty.
    pub folder: String,
    /// How many messages may wait for a broker. Default 100,000.
    pub limit: usize,
    /// What becomes of more: the sender waits, or is refused. Default
    /// [`WhenFull::Block`].
    #[serde(with = "when_full")]
    pub when_full: WhenFull,
    /// How long a sender waits for a broker that is down, or for room. Default 30 s.
    #[serde(with = "duration")]
    pub wait: Duration,
}

/// `block` and `refuse`, as a file says it.
mod when_full {
    use celeriac_publisher::courier::WhenFull;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(it: &WhenFull, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(it.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<WhenFull, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl Config {
    /// Where state lives: [`Self::store`], or where the broker is.
    #[must_use]
    pub fn store_address(&self) -> &Address {
        self.store.as_ref().unwrap_or(&self.broker)
    }
}

/// Who may say what to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// The folder of keys; empty: `keys` in the directory of a `file://`
    /// broker, else `celeriac/keys` in the user's configuration folder.
    /// Default empty.
    pub folder: String,
    /// Whether questions to workers must be signed. Default [`Inboxes::Signed`].
    #[serde(with = "inboxes")]
    pub inboxes: Inboxes,
    /// Other queues whose messages must be signed, with `*` and `?`. Default none.
    pub signed_queues: Vec<String>,
}

/// `signed` and `open`, as a file says it.
mod inboxes {
    use celeriac_security::Inboxes;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(it: &Inboxes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(it.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Inboxes, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Config {
    fn default() -> Self {
        Self {
            broker: Address::from("file://./celeriac-data"),
            store: None,
            brokers: BTreeMap::new(),
            routes: Vec::new(),
            worker: Worker::default(),
            tasks: Tasks::default(),
            queues: Queues::default(),
            messages: Messages::default(),
            backlog: Backlog::default(),
            security: Security::default(),
            breakers: Breakers::default(),
            health: Health::default(),
            checks: BTreeMap::new(),
        }
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            name: String::new(),
            queues: Vec::new(),
            concurrency: 100,
            threads: 0,
            grace: Duration::from_secs(30),
            max_deaths: 3,
        }
    }
}

impl Default for Tasks {
    fn default() -> Self {
        let retry = RetryPolicy::default();
        Self {
            max_attempts: retry.max_attempts,
            retry_initial: retry.initial,
            retry_cap: retry.cap,
            result_ttl: DAY,
            soft_time_limit: None,
            time_limit: None,
            revoke_ttl: 30 * DAY,
        }
    }
}

impl Default for Queues {
    fn default() -> Self {
        Self { limit: 1_000_000, room_timeout: Duration::from_secs(30) }
    }
}

impl Default for Backlog {
    fn default() -> Self {
        let courier::Options { limit, when_full, wait, .. } = courier::Options::default();
        Self { folder: String::new(), limit, when_full, wait }
    }
}

impl Default for Messages {
    fn default() -> Self {
        Self { max_body_bytes: celeriac_core::body::DEFAULT_MAX_BODY_BYTES }
    }
}
