//! What can be chosen about the driver, and how its addresses are read.

use std::time::Duration;

use celeriac_core::{Address, Error, ErrorKind, error::Result};
use url::Url;

/// The shortest lease: renewals must have a chance against a slow network.
const MIN_LEASE: Duration = Duration::from_millis(500);
const PORT: u16 = 4222;

/// What can be chosen about the driver. The address can choose all of it as
/// well: `nats://host?prefix=shop&lease=20s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long what a process holds stays its own after the last sign of life.
    /// At least 500 ms. Default 10 s.
    pub lease: Duration,
    /// What every stream and subject begins with: several applications may
    /// share a server. Default `celeriac`.
    pub prefix: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { lease: Duration::from_secs(10), prefix: "celeriac".to_owned() }
    }
}

impl Options {
    /// How long an answer may take: renewals must come in time.
    pub(crate) fn patience(&self) -> Duration {
        self.lease / 2
    }

    /// How often leases are renewed, and queues looked at without being told.
    pub(crate) fn period(&self) -> Duration {
        self.lease / 3
    }
}

/// How one shows who one is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

/// An address, read.
#[derive(Clone)]
pub(crate) struct Target {
    /// The servers of one cluster, as `nats://host:port`.
    pub(crate) servers: Vec<String>,
    pub(crate) login: Login,
    pub(crate) is_tls: bool,
    pub(crate) options: Options,
    /// The address without its secrets, for errors.
    pub(crate) shown: String,
}

/// Reads an address. Several hosts are separated by commas.
pub(crate) fn read(address: &Address, mut options: Options) -> Result<Target> {
    let shown = address.to_string();
    let wrong = |why: &str| Error::new(ErrorKind::Config, "open", format!("`{shown}`: {why}"));
    let (hosts, text) =
        split_hosts(address.expose()).ok_or_else(|| wrong("write `nats://host:port`"))?;
    let url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
    let mut is_tls = url.scheme() == "tls";
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("prefix", prefix) if is_prefix(prefix) => prefix.clone_into(&mut options.prefix),
            ("prefix", _) => {
                return Err(wrong("the prefix may have letters, digits, `-` and `_` only"));
            }
            ("lease", lease) => {
                options.lease = humantime::parse_duration(lease)
                    .map_err(|_| wrong("the lease is no duration such as `10s`"))?;
            }
            ("tls", "true" | "1" | "") => is_tls = true,
            ("tls", "false" | "0") => is_tls = false,
            ("tls", _) => return Err(wrong("`tls` is `true` or `false`")),
            (other, _) => {
                let known = "there are `prefix`, `lease` and `tls`";
                return Err(wrong(&format!("unknown parameter `{other}`; {known}")));
            }
        }
    }
    options.lease = options.lease.max(MIN_LEASE);
    let mut servers = Vec::with_capacity(hosts.len());
    for host in hosts {
        let mut server = Url::parse(&format!("nats://{host}"))
            .map_err(|_| wrong(&format!("the host `{host}` can't be read")))?;
        let port = server.port().unwrap_or(PORT);
        server.set_port(Some(port)).map_err(|()| wrong("a host is missing"))?;
        servers.push(server.to_string());
    }
    let login = login(&url).ok_or_else(|| wrong("user, password or token can't be decoded"))?;
    Ok(Target { servers, login, is_tls, options, shown })
}

/// A name alone is a token, as NATS has it.
fn login(url: &Url) -> Option<Login> {
    Some(match (url.username(), url.password()) {
        ("", None) => Login::Nobody,
        (token, None) => Login::Token(decoded(token)?),
        (name, Some(password)) => {
            Login::User { name: decoded(name)?, password: decoded(password)? }
        }
    })
}

/// What `%40` and the like stand for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The hosts, and the address with the first of them only.
fn split_hosts(text: &str) -> Option<(Vec<String>, String)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.rfind('@').map_or(0, |at| at + 1);
    let (user, rest) = rest.split_at(end);
    let (hosts, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
    let first = hosts.first().filter(|host| !host.is_empty())?;
    let one = format!("{}://{user}{first}{path}", scheme.to_ascii_lowercase());
    Some((hosts, one))
}

fn is_prefix(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<Target> {
        super::read(&Address::from(address), Options::default())
    }

    #[test]
    fn addresses_choose_servers_and_options() {
        let target = read("nats://ann:p%40w@one:7000,two?prefix=shop&lease=20s").unwrap();
        assert_eq!(target.servers, ["nats://one:7000", "nats://two:4222"]);
        let (name, password) = ("ann".to_owned(), "p@w".to_owned());
        assert!(target.login == Login::User { name, password });
        assert_eq!((target.options.prefix.as_str(), target.options.lease.as_secs()), ("shop", 20));
        assert!(!target.is_tls);
        assert!(read("nats://t0ken@one?tls=true").unwrap().is_tls);
        let target = read("tls://t0ken@one").unwrap();
        assert!(target.is_tls && target.login == Login::Token("t0ken".to_owned()));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong_and_hide_the_password() {
        for (address, expected) in [
            ("nats://:hunter2@x?prefix=a.b", "the prefix may have letters"),
            ("nats://:hunter2@x?lease=soon", "the lease is no duration"),
            ("nats://:hunter2@x?color=red", "unknown parameter `color`"),
            ("nats://:hunter2@x?tls=maybe", "`tls` is `true` or `false`"),
        ] {
            let Err(error) = read(address) else {
                panic!("{address} was read");
            };
            let told = error.to_string();
            assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
        }
    }
}
