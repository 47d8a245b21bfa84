//! The keys: the one table of what can be set, from which files and variables
//! are read, and the documented file is written.

use std::time::Duration;

use celeriac_core::Address;
use celeriac_engine::breaker::{Growth, Rule};
use celeriac_security::Inboxes;

use super::breakers::{growth_of, growth_word, rule_of, rule_text};
use super::{Config, WhenFull};
use crate::connect::{check_broker, check_store};

/// Something that can be set.
pub(super) struct Key {
    /// Its name with its section, such as `worker.concurrency`.
    pub(super) name: &'static str,
    /// What it is, for the comment above it.
    pub(super) about: &'static str,
    field: Field,
}

/// Where the value is, and what it may be.
enum Field {
    Broker(fn(&mut Config) -> &mut Address),
    Store(fn(&mut Config) -> &mut Option<Address>),
    Text(fn(&mut Config) -> &mut String),
    Names(fn(&mut Config) -> &mut Vec<String>),
    /// A number, and the least that it may be.
    Size(fn(&mut Config) -> &mut usize, usize),
    Count(fn(&mut Config) -> &mut u32, u32),
    Duration(fn(&mut Config) -> &mut Duration),
    Limit(fn(&mut Config) -> &mut Option<Duration>),
    Inboxes(fn(&mut Config) -> &mut Inboxes),
    WhenFull(fn(&mut Config) -> &mut WhenFull),
    Switch(fn(&mut Config) -> &mut bool),
    Growth(fn(&mut Config) -> &mut Growth),
    Rules(fn(&mut Config) -> &mut Vec<Rule>),
}

/// A value as it was given.
pub(super) enum Given {
    /// By a variable, which is text whatever it means.
    Variable(String),
    Text(String),
    Switch(bool),
    /// A whole number; nothing if it is too large for any key.
    Number(Option<u64>),
    /// A list; nothing if not all in it is text.
    List(Option<Vec<String>>),
    Other,
}

impl Key {
    /// The key of a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The section and the name in it; no section for keys of the top.
    pub(super) fn split(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("CELERIAC_{}", self.name.replace('.', "__").to_uppercase())
    }

    /// Sets it, or says what follows the value in a complaint.
    pub(super) fn set(&self, config: &mut Config, given: Given) -> Result<(), String> {
        match self.field {
            Field::Broker(field) => *field(config) = address(given, check_broker)?,
            Field::Store(field) => *field(config) = Some(address(given, check_store)?),
            Field::Text(field) => *field(config) = text(given).ok_or("is no text")?,
            Field::Names(field) => *field(config) = names(given)?,
            Field::Size(field, least) => *field(config) = number(given, least)?,
            Field::Count(field, least) => *field(config) = number(given, least)?,
            Field::Duration(field) => *field(config) = duration(given)?,
            Field::Limit(field) => *field(config) = Some(duration(given)?),
            Field::Inboxes(field) => *field(config) = inboxes(given)?,
            Field::WhenFull(field) => *field(config) = when_full(given)?,
            Field::Switch(field) => *field(config) = switch(given)?,
            Field::Growth(field) => {
                *field(config) = growth_of(&text(given).unwrap_or_default())?;
            }
            Field::Rules(field) => {
                let rules = names(given)?;
                let rules = rules.iter().map(|rule| rule_of(rule)).collect::<Result<_, _>>();
                *field(config) =
                    rules.map_err(|complaint| format!("is no list of rules: {complaint}"))?;
            }
        }
        Ok(())
    }

    /// A value given for it as complaints show it: without secrets.
    pub(super) fn shown(&self, given: &str) -> String {
        match self.field {
            Field::Broker(_) | Field::Store(_) => Address::from(given).to_string(),
            _ => given.to_owned(),
        }
    }

    /// What stands in a file in place of a value that is not set.
    pub(super) const fn example(&self) -> &'static str {
        match self.field {
            Field::Store(_) => "redis://localhost",
            _ => "10m",
        }
    }

    /// The value as it is written in a file, without secrets; nothing for what
    /// is not set.
    pub(super) fn value(&self, config: &mut Config) -> Option<toml::Value> {
        let whole = |number: u64| toml::Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let time = |time: Duration| humantime::format_duration(time).to_string().into();
        Some(match self.field {
            Field::Broker(field) => field(config).to_string().into(),
            Field::Store(field) => return field(config).as_ref().map(|it| it.to_string().into()),
            Field::Text(field) => field(config).clone().into(),
            Field::Names(field) => field(config).clone().into(),
            Field::Size(field, _) => whole(*field(config) as u64),
            Field::Count(field, _) => whole(u64::from(*field(config))),
            Field::Duration(field) => time(*field(config)),
            Field::Limit(field) => return field(config).map(time),
            Field::Inboxes(field) => field(config).as_str().into(),
            Field::WhenFull(field) => field(config).as_str().into(),
            Field::Switch(field) => (*field(config)).into(),
            Field::Growth(field) => growth_word(*field(config)).into(),
            Field::Rules(field) => field(config).iter().map(rule_text).collect::<Vec<_>>().into(),
        })
    }
}

fn text(given: Given) -> Option<String> {
    match given {
        Given::Variable(text) | Given::Text(text) => Some(text),
        Given::Switch(_) | Given::Number(_) | Given::List(_) | Given::Other => None,
    }
}

fn address(
    given: Given,
    check: fn(&Address) -> Result<(), crate::Error>,
) -> Result<Address, String> {
    let address = Address::from(text(given).ok_or("is no text")?);
    match check(&address) {
        Ok(()) => Ok(address),
        // The complaint shows the address before it.
        Err(crate::Error::Address { advice, .. }) => Err(advice),
        Err(other) => Err(other.to_string()),
    }
}

fn names(given: Given) -> Result<Vec<String>, String> {
    let names = match given {
        Given::Variable(list) if list.trim().is_empty() => Some(Vec::new()),
        Given::Variable(list) => Some(list.split(',').map(|name| name.trim().to_owned()).collect()),
        Given::List(names) => names,
        Given::Text(_) | Given::Switch(_) | Given::Number(_) | Given::Other => None,
    };
    let names = names.filter(|names| names.iter().all(|name| !name.is_empty()));
    names.ok_or_else(|| "is no list of names such as [\"default\", \"mail\"]".to_owned())
}

fn number<N: TryFrom<u64> + PartialOrd + std::fmt::Display>(
    given: Given,
    least: N,
) -> Result<N, String> {
    let number = match given {
        Given::Variable(text) => text.trim().parse().ok(),
        Given::Number(number) => number,
        Given::Text(_) | Given::Switch(_) | Given::List(_) | Given::Other => None,
    };
    match number.map(N::try_from) {
        None => Err(format!("is no whole number from {least} on")),
        Some(Err(_)) => Err("is too large".to_owned()),
        Some(Ok(number)) if number < least => Err(format!("is too small: at least {least}")),
        Some(Ok(number)) => Ok(number),
    }
}

fn duration(given: Given) -> Result<Duration, String> {
    let duration = text(given).and_then(|text| humantime::parse_duration(&text).ok());
    duration.ok_or_else(|| "is no duration such as \"250ms\", \"30s\" or \"1h 30m\"".to_owned())
}

fn switch(given: Given) -> Result<bool, String> {
    let switch = match given {
        Given::Variable(text) => text.trim().parse().ok(),
        Given::Switch(switch) => Some(switch),
        Given::Text(_) | Given::Number(_) | Given::List(_) | Given::Other => None,
    };
    switch.ok_or_else(|| "is neither true nor false".to_owned())
}

fn inboxes(given: Given) -> Result<Inboxes, String> {
    let inboxes = text(given).and_then(|text| text.parse().ok());
    inboxes.ok_or_else(|| "is neither \"signed\" nor \"open\"".to_owned())
}

fn when_full(given: Given) -> Result<WhenFull, String> {
    let when_full = text(given).and_then(|text| text.parse().ok());
    when_full.ok_or_else(|| "is neither \"block\" nor \"refuse\"".to_owned())
}

const fn key(name: &'static str, field: Field, about: &'static str) -> Key {
    Key { name, about, field }
}

/// Every key, in the order of the file.
pub(super) const KEYS: &[Key] = &[
    key(
        "broker",
        Field::Broker(|config| &mut config.broker),
        "Where messages wait: memory://, file:///directory, a path, or a server (redis://host …).",
    ),
    key(
        "store",
        Field::Store(|config| &mut config.store),
        "Where state lives (results, timers …), as for `broker`; without it: where the broker is.",
    ),
    key(
        "worker.name",
        Field::Text(|config| &mut config.worker.name),
        "The worker's name; empty: made of host, process and a number.",
    ),
    key(
        "worker.queues",
        Field::Names(|config| &mut config.worker.queues),
        "The queues it serves; empty: `default` and those of its tasks.",
    ),
    key(
        "worker.concurrency",
        Field::Size(|config| &mut config.worker.concurrency, 1),
        "How many runs of one async task may be under way at once.",
    ),
    key(
        "worker.threads",
        Field::Size(|config| &mut config.worker.threads, 0),
        "How many threads sync tasks run on; 0: one per core.",
    ),
    key(
        "worker.grace",
        Field::Duration(|config| &mut config.worker.grace),
        "How long running tasks may go on when the worker stops.",
    ),
    key(
        "worker.max_deaths",
        Field::Count(|config| &mut config.worker.max_deaths, 1),
        "How many processes may die while they run a message before it is quarantined.",
    ),
    key(
        "tasks.max_attempts",
        Field::Count(|config| &mut config.tasks.max_attempts, 1),
        "How often a task runs at the most, the first time included.",
    ),
    key(
        "tasks.retry_initial",
        Field::Duration(|config| &mut config.tasks.retry_initial),
        "The upper end of the first delay between attempts.",
    ),
    key(
        "tasks.retry_cap",
        Field::Duration(|config| &mut config.tasks.retry_cap),
        "The upper end of every delay between attempts.",
    ),
    key(
        "tasks.result_ttl",
        Field::Duration(|config| &mut config.tasks.result_ttl),
        "How long outcomes are kept.",
    ),
    key(
        "tasks.soft_time_limit",
        Field::Limit(|config| &mut config.tasks.soft_time_limit),
        "When a run is asked to stop; without it: never.",
    ),
    key(
        "tasks.time_limit",
        Field::Limit(|config| &mut config.tasks.time_limit),
        "When a run is ended; without it: never.",
    ),
    key(
        "tasks.revoke_ttl",
        Field::Duration(|config| &mut config.tasks.revoke_ttl),
        "How long a revoked id stays revoked.",
    ),
    key(
        "queues.limit",
        Field::Size(|config| &mut config.queues.limit, 1),
        "How many messages may wait in one queue.",
    ),
    key(
        "queues.room_timeout",
        Field::Duration(|config| &mut config.queues.room_timeout),
        "How long a sender waits for room in a full queue.",
    ),
    key(
        "messages.max_body_bytes",
        Field::Size(|config| &mut config.messages.max_body_bytes, 1),
        "The largest body, in bytes.",
    ),
    key(
        "backlog.folder",
        Field::Text(|config| &mut config.backlog.folder),
        "Where messages are kept while their broker is down; empty: their senders wait.",
    ),
    key(
        "backlog.limit",
        Field::Size(|config| &mut config.backlog.limit, 1),
        "How many messages may wait for a broker that is down.",
    ),
    key(
        "backlog.when_full",
        Field::WhenFull(|config| &mut config.backlog.when_full),
        "What becomes of more: block (the sender waits) or refuse.",
    ),
    key(
        "backlog.wait",
        Field::Duration(|config| &mut config.backlog.wait),
        "How long a sender waits for a broker that is down, or for room in the backlog.",
    ),
    key(
        "security.folder",
        Field::Text(|config| &mut config.security.folder),
        "The folder of keys; empty: keys in the broker's directory, or ~/.config/celeriac/keys.",
    ),
    key(
        "security.inboxes",
        Field::Inboxes(|config| &mut config.security.inboxes),
        "Whether questions to workers must be signed: signed, or open to all who reach the broker.",
    ),
    key(
        "security.signed_queues",
        Field::Names(|config| &mut config.security.signed_queues),
        "Other queues whose messages must be signed, with * and ?.",
    ),
    key(
        "breakers.tasks",
        Field::Switch(|config| &mut config.breakers.tasks),
        "Whether tasks have a circuit breaker unless they say otherwise.",
    ),
    key(
        "breakers.failures",
        Field::Count(|config| &mut config.breakers.failures, 1),
        "How many failures without a success between them open a circuit; of a task, unexpected \
         ones of different messages.",
    ),
    key(
        "breakers.rules",
        Field::Rules(|config| &mut config.breakers.rules),
        "Which findings of checks open it.",
    ),
    key(
        "breakers.open_for",
        Field::Duration(|config| &mut config.breakers.open_for),
        "How long it stays open the first time.",
    ),
    key(
        "breakers.growth",
        Field::Growth(|config| &mut config.breakers.growth),
        "How that grows when it opens again: constant, linear, exponential.",
    ),
    key(
        "breakers.open_for_at_most",
        Field::Duration(|config| &mut config.breakers.open_for_at_most),
        "How long it stays open at the most.",
    ),
    key(
        "breakers.alarm_trips",
        Field::Size(|config| &mut config.breakers.alarm_trips, 1),
        "How many trips within `alarm_within` are logged as errors instead of warnings.",
    ),
    key(
        "breakers.alarm_within",
        Field::Duration(|config| &mut config.breakers.alarm_within),
        "Within which time.",
    ),
    key(
        "breakers.alarm_calm",
        Field::Duration(|config| &mut config.breakers.alarm_calm),
        "After how long without that many they are warnings again.",
    ),
    key(
        "health.connections_every",
        Field::Duration(|config| &mut config.health.connections_every),
        "How often a worker looks whether broker and store answer; 0s: never.",
    ),
];
