//! The guard around the broker: where the keys are, and what must be signed.

use std::path::PathBuf;
use std::sync::Arc;

use celeriac_core::Broker;
use celeriac_security::{Guard, Inboxes, Keyring, Policy};

use super::Error;
use crate::config::Config;

/// Puts a guard around the broker, as the configuration says.
pub(super) fn guarded(config: &Config, broker: Arc<dyn Broker>) -> Result<Guard, Error> {
    let security = &config.security;
    let keyring = match config.keys_folder()? {
        Some(folder) => Keyring::open(&folder, &host_name())?,
        None => Keyring::ephemeral(),
    };
    if security.inboxes == Inboxes::Open {
        tracing::warn!("inboxes are open: whoever reaches the broker can ask this process");
    }
    let policy = Policy::new(security.inboxes)
        .with_signed(security.signed_queues.iter().map(String::as_str))
        .with_sealed(keyring.queue_keys()?);
    Ok(Guard::new(broker, Arc::new(keyring), policy))
}

impl Config {
    /// The folder of keys; none for a broker in memory, whose key ends with it.
    ///
    /// # Errors
    /// [`Error::NoKeys`] when no folder is named and the user has none.
    pub fn keys_folder(&self) -> Result<Option<PathBuf>, Error> {
        if !self.security.folder.is_empty() {
            return Ok(Some(PathBuf::from(&self.security.folder)));
        }
        match self.broker.scheme().as_str() {
            "memory" => Ok(None),
            "file" => Ok(Some(PathBuf::from(self.broker.rest()).join("keys"))),
            _ => user_folder().map(Some).ok_or(Error::NoKeys),
        }
    }
}

/// `celeriac/keys` in the user's configuration folder.
fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    folder.map(|folder| folder.join("celeriac").join("keys"))
}

/// The name of this machine.
#[must_use]
pub fn host_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => "localhost".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use celeriac_core::Address;

    use super::*;

    #[test]
    fn keys_live_beside_what_they_guard() {
        let folder = |broker: &str| {
            let config = Config { broker: Address::from(broker), ..Config::default() };
            config.keys_folder().unwrap()
        };
        assert_eq!(folder("memory://"), None);
        assert_eq!(folder("./data").as_deref(), Some(Path::new("./data/keys")));
        let mut config = Config::default();
        config.security.folder = "/etc/celeriac".to_owned();
        assert_eq!(config.keys_folder().unwrap().as_deref(), Some(Path::new("/etc/celeriac")));
    }
}
