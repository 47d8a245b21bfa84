//! What a command works with: the app and the output.

use std::path::PathBuf;

use celeriac::App;

use crate::output::Output;
use crate::problem::{Problem, Result};

/// One call of the command line.
pub(crate) struct Session {
    pub(crate) app: App,
    pub(crate) output: Output,
}

impl Session {
    /// Refuses what makes no sense for a broker that ends with this process.
    pub(crate) fn needs_lasting_broker(&self, what: &str) -> Result<()> {
        if self.directory().is_some() {
            return Ok(());
        }
        let message = format!("{what}: memory:// is empty at first and ends with this process");
        let hint = "name the broker that the workers use, as in `--broker ./data`, or set \
                    CELERIAC_BROKER";
        Err(Problem::usage(message).hint(hint))
    }

    /// The directory of the broker, if it is one.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        match self.app.config().broker.as_str() {
            "memory" | "memory://" => None,
            address => Some(PathBuf::from(address.strip_prefix("file://").unwrap_or(address))),
        }
    }
}
