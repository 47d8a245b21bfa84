//! Addresses of brokers and stores: text that may hold a password, which
//! nothing that prints one shows.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is shown instead of a secret.
const HIDDEN: &str = "***";
/// What the name of a parameter contains whose value is a secret.
const SECRET_PARAMETERS: [&str; 4] = ["pass", "token", "secret", "credential"];

/// Where a broker or a store is: `scheme://rest`, `memory`, or the path of a
/// directory.
///
/// `Display`, `Debug` and `Serialize` show `***` for what stands before an `@`
/// (but for a user's name with a password behind it), and for parameters such
/// as `password` and `token`. Only [`expose`](Self::expose) gives the whole
/// text; it is for the driver that connects, and never for an error or a log.
///
/// ```
/// use celeriac_core::Address;
///
/// let address = Address::from("redis://shop:hunter2@cache:6379/1");
/// assert_eq!(address.to_string(), "redis://shop:***@cache:6379/1");
/// assert_eq!(address.scheme(), "redis");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// The scheme in lower case; `file` for a path, and `memory` for `memory`.
    #[must_use]
    pub fn scheme(&self) -> String {
        match self.0.split_once("://") {
            Some((scheme, _)) => scheme.to_ascii_lowercase(),
            None if self.0 == "memory" => "memory".to_owned(),
            None => "file".to_owned(),
        }
    }

    /// What follows the scheme, secrets included: a path, or host and more.
    #[must_use]
    pub fn rest(&self) -> &str {
        match self.0.split_once("://") {
            Some((_, rest)) => rest,
            None if self.0 == "memory" => "",
            None => &self.0,
        }
    }

    /// The whole text, secrets included.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a secret in it was replaced by what is shown instead, as in a
    /// configuration that was printed and read again.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        let before_host = self.0.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        before_host.is_some_and(|(secret, _)| secret.rsplit(':').next() == Some(HIDDEN))
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str(&self.0) };
        if self.scheme() == "file" {
            return f.write_str(&self.0);
        }
        write!(f, "{scheme}://")?;
        // A password may hold any character that should have been encoded, so
        // what counts is the last `@` before the parameters, or at all.
        let (place, parameters) = match rest.split_once('?') {
            Some((place, parameters)) if place.contains('@') || !parameters.contains('@') => {
                (place, Some(parameters))
            }
            _ => (rest, None),
        };
        match place.rsplit_once('@') {
            Some((user, host)) => write!(f, "{}@{host}", shown_user(user))?,
            None => f.write_str(place)?,
        }
        let Some(parameters) = parameters else { return Ok(()) };
        let mut separator = '?';
        for parameter in parameters.split('&') {
            write!(f, "{separator}{}", shown_parameter(parameter))?;
            separator = '&';
        }
        Ok(())
    }
}

/// A name alone may be a token, as NATS has it.
fn shown_user(user: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{name}:{HIDDEN}"),
        None => HIDDEN.to_owned(),
    }
}

fn shown_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => parameter.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARAMETERS.iter().any(|secret| name.contains(secret))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let cases = [
            ("memory://", "memory://"),
            ("./a@b:c/data", "./a@b:c/data"),
            ("file:///srv/a@b", "file:///srv/a@b"),
            ("redis://cache:6379/1", "redis://cache:6379/1"),
            ("redis://:hunter2@cache", "redis://:***@cache"),
            ("rediss://shop:hunter2@cache/0?prefix=x", "rediss://shop:***@cache/0?prefix=x"),
            ("amqp://shop:hu/nt@er2@rabbit/%2f", "amqp://shop:***@rabbit/%2f"),
            ("amqp://shop:hunt?er2@rabbit", "amqp://shop:***@rabbit"),
            ("nats://hunter2@one,two:4222", "nats://***@one,two:4222"),
            (
                "postgres://db/shop?user=ann&password=hunter2&sslmode=require",
                "postgres://db/shop?user=ann&password=***&sslmode=require",
            ),
        ];
        for (text, shown) in cases {
            let address = Address::from(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), format!("{shown:?}"));
            assert_eq!(serde_json::to_value(&address).unwrap(), shown);
            assert_eq!(address.expose(), text);
        }
    }

    #[test]
    fn schemes() {
        let scheme = |text: &str| Address::from(text).scheme();
        assert_eq!(scheme("REDIS://cache"), "redis");
        assert_eq!(scheme("memory"), "memory");
        assert_eq!(scheme("./data"), "file");
        assert_eq!(Address::from("file:///data").rest(), "/data");
        assert_eq!(Address::from("./data").rest(), "./data");
    }

    #[test]
    fn what_was_printed_is_known_again() {
        for text in ["redis://:pw@cache", "redis://ann:pw@cache", "nats://token@cache"] {
            let address = Address::from(text);
            assert!(!address.is_redacted());
            assert!(Address::from(address.to_string()).is_redacted(), "{address}");
        }
        assert!(!Address::from("redis://cache").is_redacted());
    }
}
