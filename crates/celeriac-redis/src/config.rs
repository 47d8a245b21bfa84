//! What can be chosen about the driver, and how its addresses are read.

use std::time::Duration;

use celeriac_core::{Address, Error, ErrorKind, error::Result};
use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use url::Url;

/// The shortest lease: renewals must have a chance against a slow network.
const MIN_LEASE: Duration = Duration::from_millis(300);

/// What can be chosen about the driver. The address can choose `prefix` and
/// `lease` as well: `redis://host/0?prefix=shop&lease=20s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many messages may wait in a queue before `publish` refuses more.
    /// What is in flight does not count. Default 1,000,000.
    pub queue_limit: usize,
    /// How long what a process holds stays its own after the last sign of life.
    /// At least 300 ms. Default 10 s.
    pub lease: Duration,
    /// How long a mark (a state that is not the end) is kept if nothing
    /// follows it. Default 24 hours.
    pub mark_ttl: Duration,
    /// What every key begins with: several applications may share a server.
    /// Default `celeriac`.
    pub prefix: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_limit: 1_000_000,
            lease: Duration::from_secs(10),
            mark_ttl: Duration::from_secs(24 * 60 * 60),
            prefix: "celeriac".to_owned(),
        }
    }
}

/// The least that an answer may take: a busy machine is no dead one.
const MIN_PATIENCE: Duration = Duration::from_secs(5);

impl Options {
    /// How long the server may take to answer.
    pub(crate) fn patience(&self) -> Duration {
        (self.lease / 2).max(MIN_PATIENCE)
    }
}

/// An address, read.
#[derive(Clone)]
pub(crate) struct Target {
    /// The servers; several are nodes of one cluster.
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) options: Options,
    /// The address without its secrets, for errors.
    pub(crate) shown: String,
}

/// Reads an address. Several hosts are separated by commas.
pub(crate) fn read(address: &Address, mut options: Options) -> Result<Target> {
    let shown = address.to_string();
    let wrong = |why: &str| Error::new(ErrorKind::Config, "open", format!("`{shown}`: {why}"));
    let text = address.expose();
    let (hosts, text) = split_hosts(text).ok_or_else(|| wrong("write `redis://host:port`"))?;
    let mut url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.set_query(None);
    for (name, value) in &pairs {
        match name.as_str() {
            "prefix" if is_prefix(value) => options.prefix.clone_from(value),
            "prefix" => return Err(wrong("the prefix may have letters, digits and `.:_-` only")),
            "lease" => {
                options.lease = humantime::parse_duration(value)
                    .map_err(|_| wrong("the lease is no duration such as `10s`"))?;
            }
            other => {
                let why = format!("unknown parameter `{other}`; there are `prefix` and `lease`");
                return Err(wrong(&why));
            }
        }
    }
    options.lease = options.lease.max(MIN_LEASE);
    let mut nodes = Vec::with_capacity(hosts.len());
    for host in hosts {
        let (name, port) = host.rsplit_once(':').unwrap_or((&host, "6379"));
        url.set_host(Some(name)).map_err(|_| wrong("a host can't be read"))?;
        let port = port.parse().map_err(|_| wrong("a port is no number"))?;
        url.set_port(Some(port)).map_err(|()| wrong("a port can't be set"))?;
        let info = url.as_str().into_connection_info();
        let info = info.map_err(|error| wrong(error.category()))?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // Small writes go at once, also those that nobody answers.
        let eager = info.tcp_settings().clone().set_nodelay(true);
        nodes.push(info.set_redis_settings(settings).set_tcp_settings(eager));
    }
    Ok(Target { nodes, options, shown })
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
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".:_-".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_choose_servers_and_options() {
        let address = Address::from("redis://ann:p%40w@one:7000,two:7001/0?prefix=shop&lease=20s");
        let target = read(&address, Options::default()).unwrap();
        let hosts: Vec<_> = target.nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(hosts, ["one:7000", "two:7001"]);
        assert_eq!(target.nodes[1].redis_settings().password(), Some("p@w"));
        assert_eq!((target.options.prefix.as_str(), target.options.lease.as_secs()), ("shop", 20));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong_and_hide_the_password() {
        for (address, expected) in [
            ("redis://:hunter2@x?prefix={a}", "the prefix may have letters"),
            ("redis://:hunter2@x?lease=soon", "the lease is no duration"),
            ("redis://:hunter2@x?color=red", "unknown parameter `color`"),
            ("redis://:hunter2@x:port", "invalid port number"),
        ] {
            let Err(error) = read(&Address::from(address), Options::default()) else {
                panic!("{address} was read");
            };
            let told = error.to_string();
            assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
        }
    }
}
