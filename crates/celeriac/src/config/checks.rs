//! Health checks that a configuration declares: `[checks.NAME]`.

use std::time::Duration;

use celeriac_core::health::Scope;
use serde::{Deserialize, Serialize};

use super::duration;
use crate::health::{HealthCheck, checks};

/// A declared health check, of a kind that there is. What a kind needs and takes
/// stands beside each field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it looks at.
    pub kind: Kind,
    /// How often it looks. Default 10 s.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// For whom its findings hold. Default the worker that looked.
    #[serde(default)]
    pub scope: Scope,
    /// The tasks whose circuits open by what it finds. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<String>,
    /// `http`: the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `http`: methods that it must allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<String>,
    /// `http`: content types that it must accept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<String>,
    /// `tcp`: `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `http`, `tcp`: how long an answer may take. Default 5 s.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// `http`, `tcp`: an answer that takes longer is degraded. Default 1 s.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub slow: Option<Duration>,
    /// `disk`: a path on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `disk`, `memory`: degraded below so many percent free. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded_below: Option<u8>,
    /// `disk`, `memory`: unhealthy below so many percent free. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy_below: Option<u8>,
    /// `lag`: degraded above it. Default 100 ms.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub degraded_above: Option<Duration>,
    /// `lag`: unhealthy above it. Default 1 s.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub unhealthy_above: Option<Duration>,
}

/// What a declared check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An endpoint, by OPTIONS.
    Http,
    /// A port.
    Tcp,
    /// A file system.
    Disk,
    /// The memory of the machine, or of the container.
    Memory,
    /// The event loop of the worker.
    Lag,
}

impl Check {
    /// The check, or what it lacks.
    pub(crate) fn build(&self, name: &str) -> Result<HealthCheck, String> {
        let lacks = |field: &str| format!("a check of this kind needs `{field}`");
        let check = match self.kind {
            Kind::Http => self.http(name)?,
            Kind::Tcp => {
                let address = self.address.as_ref().ok_or_else(|| lacks("address"))?;
                let check = checks::Tcp::new(address);
                let check = self.timeout.into_iter().fold(check, checks::Tcp::timeout);
                HealthCheck::of(name, self.slow.into_iter().fold(check, checks::Tcp::slow))
            }
            Kind::Disk => {
                let path = self.path.as_ref().ok_or_else(|| lacks("path"))?;
                self.disk(name, path)?
            }
            Kind::Memory => {
                let (degraded, unhealthy) = self.shares();
                HealthCheck::of(name, checks::Memory::new().below(degraded, unhealthy))
            }
            Kind::Lag => {
                let degraded = self.degraded_above.unwrap_or(Duration::from_millis(100));
                let unhealthy = self.unhealthy_above.unwrap_or(Duration::from_secs(1));
                HealthCheck::of(name, checks::Lag::new().above(degraded, unhealthy))
            }
        };
        let check = self.every.into_iter().fold(check, HealthCheck::every);
        let check = match self.scope {
            Scope::Local => check,
            Scope::Global => check.global(),
        };
        Ok(self.guards.iter().fold(check, |check, task| check.guards(task)))
    }

    #[cfg(feature = "http")]
    fn http(&self, name: &str) -> Result<HealthCheck, String> {
        let url = self.url.as_ref().ok_or("a check of this kind needs `url`")?;
        let mut check = checks::Http::new(url).map_err(|error| format!("failed to {error}"))?;
        check = self.allows.iter().fold(check, |check, method| check.allows(method));
        check = self.accepts.iter().fold(check, |check, kind| check.accepts(kind));
        check = self.timeout.into_iter().fold(check, checks::Http::timeout);
        Ok(HealthCheck::of(name, self.slow.into_iter().fold(check, checks::Http::slow)))
    }

    #[cfg(not(feature = "http"))]
    fn http(&self, _name: &str) -> Result<HealthCheck, String> {
        Err("this build speaks no HTTP: enable the cargo feature `http`".to_owned())
    }

    #[cfg(unix)]
    fn disk(&self, name: &str, path: &str) -> Result<HealthCheck, String> {
        let (degraded, unhealthy) = self.shares();
        Ok(HealthCheck::of(name, checks::Disk::new(path).below(degraded, unhealthy)))
    }

    #[cfg(not(unix))]
    fn disk(&self, _name: &str, _path: &str) -> Result<HealthCheck, String> {
        Err("disks can be looked at on Unix only".to_owned())
    }

    fn shares(&self) -> (f64, f64) {
        let (degraded, unhealthy) = (self.degraded_below, self.unhealthy_below);
        (f64::from(degraded.unwrap_or(10)), f64::from(unhealthy.unwrap_or(5)))
    }
}
