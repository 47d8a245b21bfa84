//! What an address and the options say: the server, the schema, the limits.
//! The parameters that are ours are taken out before sqlx reads the rest.

use std::str::FromStr;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Address, Error, ErrorKind};
use sqlx::postgres::PgConnectOptions;

/// The schema of an address that names none.
const SCHEMA: &str = "celeriac";
/// The parameters that sqlx does not see.
const OURS: [&str; 3] = ["schema", "lease", "pool"];
/// PostgreSQL cuts longer names.
const MAX_SCHEMA_BYTES: usize = 63;
/// The shortest lease that may be asked for: it is renewed three times.
const MIN_LEASE: Duration = Duration::from_millis(300);
/// The longest.
const MAX_LEASE: Duration = Duration::from_secs(3600);
/// How many connections a process may open at the most, whatever is asked for.
const MAX_POOL: u32 = 1000;

/// What can be chosen about the driver beside the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many messages may wait in a queue before `publish` refuses more.
    /// What is in flight does not count. Default 1,000,000. A queue that is
    /// less than half full is counted every ten seconds only.
    pub queue_limit: usize,
    /// How long a mark (a state that is not the end) is kept if nothing
    /// follows it. Default 24 hours.
    pub mark_ttl: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_limit: 1_000_000, mark_ttl: Duration::from_secs(24 * 60 * 60) }
    }
}

/// An address, read.
///
/// ```
/// use celeriac_postgres::Config;
///
/// let config = Config::parse("postgres://ann:hunter2@db/shop?schema=tasks&lease=30s").unwrap();
/// assert_eq!(config.schema(), "tasks");
/// assert_eq!(config.to_string(), "postgres://db:5432/shop?schema=tasks");
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) connect: PgConnectOptions,
    schema: String,
    pub(crate) lease: Duration,
    pub(crate) pool: u32,
}

impl Config {
    /// Reads `postgres://user:password@host:port/database?parameters`, also
    /// with `postgresql://`. Beside libpq's parameters, such as `sslmode`,
    /// `sslrootcert`, `sslcert`, `sslkey` and `host=/directory/of/a/socket`:
    ///
    /// * `schema`: the schema of the tables; default `celeriac`.
    /// * `lease`: how long what a silent process holds stays hidden, such as
    ///   `10s` (the default) or `1500ms`; at least 300 ms.
    /// * `application_name`: what the process is called in the server's views
    ///   and in the table of sessions; default `celeriac` and its number.
    /// * `pool`: how many connections that wait for the disk; default 6. Up to
    ///   four more don't.
    ///
    /// What the address leaves open is read from libpq's variables
    /// (`PGPASSWORD`, `PGSSLMODE` …) and its password file.
    ///
    /// # Errors
    /// `Config`, which never names a password.
    pub fn parse(address: &str) -> Result<Self> {
        let (place, parameters) = match address.split_once('?') {
            Some((place, parameters)) => (place, parameters),
            None => (address, ""),
        };
        let mut config = Self {
            connect: PgConnectOptions::new(),
            schema: SCHEMA.to_owned(),
            lease: Duration::from_secs(10),
            pool: 6,
        };
        let mut others = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            if !config.take(parameter)? {
                others.push(parameter);
            }
        }
        let rest = match others.is_empty() {
            true => place.to_owned(),
            false => format!("{place}?{}", others.join("&")),
        };
        // sqlx's error may quote what it could not read, a password perhaps.
        config.connect = PgConnectOptions::from_str(&rest).map_err(|_| {
            wrong("the address can't be read; use postgres://user:password@host:5432/database")
        })?;
        if config.connect.get_application_name().is_none() {
            let name = format!("celeriac {}", std::process::id());
            config.connect = config.connect.application_name(&name);
        }
        Ok(config)
    }

    /// Reads the address of a place beside the broker's and store's own, such as
    /// a sink's.
    ///
    /// # Errors
    /// `Config`, which never names a password; also for another scheme, and for
    /// parameters that mean something to broker and store only.
    pub(crate) fn beside(operation: &'static str, address: &Address) -> Result<Self> {
        let wrong = |why: String| {
            Error::new(ErrorKind::Config, operation, format!("the address `{address}` {why}"))
        };
        if !matches!(address.scheme().as_str(), "postgres" | "postgresql") {
            return Err(wrong("is none: use postgres://user:password@host:5432/database".into()));
        }
        if address.is_redacted() {
            return Err(wrong("has `***` in place of its password: write the password".into()));
        }
        let parameters = address.expose().split_once('?').map_or("", |(_, parameters)| parameters);
        let names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
        if let Some(ours) = names.into_iter().find(|name| OURS.contains(name)) {
            let why = format!(
                "has `{ours}`, which is for brokers and stores: leave it away, and write the \
                 schema before the table's name"
            );
            return Err(wrong(why));
        }
        Self::parse(address.expose()).map_err(|_| {
            wrong("can't be read: use postgres://user:password@host:5432/database".into())
        })
    }

    /// The server and database alone, for people.
    pub(crate) fn server(&self) -> String {
        let Self { connect, .. } = self;
        let database = connect.get_database().unwrap_or_default();
        format!("postgres://{}:{}/{database}", connect.get_host(), connect.get_port())
    }

    /// The schema of the tables.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Takes a parameter that is ours; whether it is.
    fn take(&mut self, parameter: &str) -> Result<bool> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "schema" => self.schema = schema(value)?,
            "lease" => self.lease = lease(value)?,
            "pool" => {
                let pool = value.parse().ok().filter(|pool| (1..=MAX_POOL).contains(pool));
                let hint = || wrong(format!("pool={value}: a number from 1 to {MAX_POOL}"));
                self.pool = pool.ok_or_else(hint)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl std::fmt::Display for Config {
    /// The address without user, password and parameters of the connection.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}?schema={}", self.server(), self.schema)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Config").field(&self.to_string()).finish()
    }
}

/// A schema's name, in letters that need no quotes anywhere.
fn schema(value: &str) -> Result<String> {
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter == b'_';
    let is_plain = value.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    let begins = value.bytes().next().is_some_and(is_letter);
    if begins && is_plain && value.len() <= MAX_SCHEMA_BYTES {
        return Ok(value.to_owned());
    }
    Err(wrong(format!(
        "schema={value}: a schema is 1 to {MAX_SCHEMA_BYTES} lower-case letters, digits and `_`, \
         and begins with no digit"
    )))
}

fn lease(value: &str) -> Result<Duration> {
    let hint = || wrong(format!("lease={value}: write it as `10s` or `1500ms`, from 300ms to 1h"));
    let (digits, unit) = match value.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (value.strip_suffix('s').ok_or_else(hint)?, 1000),
    };
    let number: u64 = digits.parse().map_err(|_| hint())?;
    let lease = Duration::from_millis(number.saturating_mul(unit));
    (MIN_LEASE..=MAX_LEASE).contains(&lease).then_some(lease).ok_or_else(hint)
}

fn wrong(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, "open", context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_parameters_are_ours_and_the_others_the_clients() {
        let address = "postgres://ann:hunter2@db:5433/shop?schema=a_1&sslmode=require&lease=1500ms";
        let config = Config::parse(address).unwrap();
        assert_eq!((config.schema(), config.lease), ("a_1", Duration::from_millis(1500)));
        assert_eq!((config.connect.get_host(), config.connect.get_port()), ("db", 5433));
        assert_eq!(config.to_string(), "postgres://db:5433/shop?schema=a_1");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password() {
        for (parameters, part) in [
            ("schema=Robert'); drop", "schema=Robert"),
            ("schema=", "1 to 63"),
            ("lease=1", "lease=1"),
            ("lease=1ms", "from 300ms"),
            ("pool=0", "pool=0"),
        ] {
            let error = Config::parse(&format!("postgres://a:hunter2@db/?{parameters}"));
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(part), "{error}");
        }
        let error = Config::parse("postgres://a:hunter2@db:port/").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
