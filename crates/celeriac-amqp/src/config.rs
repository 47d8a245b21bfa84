//! What can be chosen about the driver, and how its addresses are read.

use celeriac_core::{Address, Error, ErrorKind, error::Result};
use lapin::uri::AMQPUri;
use url::Url;

/// What can be chosen about the driver. The address can choose it as well:
/// `amqp://host/vhost?prefix=shop&priorities=false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the name of every queue begins with, before a dot: several
    /// applications may share a virtual host. Default `celeriac`.
    pub prefix: String,
    /// Whether queues have priorities. RabbitMQ is about twice as fast without;
    /// it does not change a queue that is there. Default true.
    pub priorities: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { prefix: "celeriac".to_owned(), priorities: true }
    }
}

/// An address, read.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) uri: AMQPUri,
    pub(crate) options: Options,
    /// The address without its secrets, for errors.
    pub(crate) shown: String,
}

/// Reads an address. Without a path it means the virtual host `/`.
pub(crate) fn read(address: &Address, mut options: Options) -> Result<Target> {
    let shown = address.to_string();
    let wrong = |why: &str| Error::new(ErrorKind::Config, "open", format!("`{shown}`: {why}"));
    let mut url = Url::parse(address.expose()).map_err(|error| wrong(&error.to_string()))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("write `amqp://user:password@host:port/vhost`"));
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut kept = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "prefix" if is_prefix(&value) => options.prefix = value,
            "prefix" => return Err(wrong("the prefix may have letters, digits and `.:_-` only")),
            "priorities" => {
                let wanted = value.parse().map_err(|_| wrong("`priorities` is true or false"))?;
                options.priorities = wanted;
            }
            "heartbeat" => kept.push((name, value)),
            other => {
                let why = format!(
                    "unknown parameter `{other}`; there are `prefix`, `priorities`, `heartbeat`"
                );
                return Err(wrong(&why));
            }
        }
    }
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    if matches!(url.path(), "" | "/") {
        url.set_path("/%2f");
    }
    let uri = url.as_str().parse::<AMQPUri>().map_err(|error| wrong(&error.to_string()))?;
    Ok(Target { uri, options, shown })
}

fn is_prefix(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".:_-".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_choose_server_and_options() {
        let address = Address::from("amqp://ann:p%40w@one:7000/shop?prefix=x&heartbeat=5");
        let target = read(&address, Options::default()).unwrap();
        let authority = &target.uri.authority;
        assert_eq!((authority.host.as_str(), authority.port), ("one", 7000));
        assert_eq!(authority.userinfo.password, "p@w");
        assert_eq!((target.uri.vhost.as_str(), target.options.prefix.as_str()), ("shop", "x"));
        assert_eq!(target.uri.query.heartbeat, Some(5));
    }

    #[test]
    fn without_a_path_the_virtual_host_is_the_usual_one() {
        for text in ["amqp://localhost", "amqp://localhost/", "amqp://localhost/%2f"] {
            let target = read(&Address::from(text), Options::default()).unwrap();
            assert_eq!(target.uri.vhost, "/", "{text}");
        }
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong_and_hide_the_password() {
        for (address, expected) in [
            ("amqp://a:hunter2@x?prefix={a}", "the prefix may have letters"),
            ("amqp://a:hunter2@x?color=red", "unknown parameter `color`"),
            ("amqp://a:hunter2@x?priorities=9", "`priorities` is true or false"),
            ("amqp://a:hunter2@x:port", "invalid port number"),
        ] {
            let Err(error) = read(&Address::from(address), Options::default()) else {
                panic!("{address} was read");
            };
            let told = error.to_string();
            assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
        }
    }
}
