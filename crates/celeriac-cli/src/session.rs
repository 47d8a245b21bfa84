//! What a command works with: the app and the output.

use std::path::PathBuf;

use celeriac::App;

use crate::output::Output;
use crate::problem::{Exit, Problem, Result};

/// One call of the command line.
pub(crate) struct Session {
    pub(crate) app: App,
    pub(crate) output: Output,
}

impl Session {
    /// Refuses what makes no sense for a broker that ends with this process.
    pub(crate) fn needs_lasting_broker(&self, what: &str) -> Result<()> {
        if self.app.config().broker.scheme() != "memory" {
            return Ok(());
        }
        let message = format!("{what}: memory:// is empty at first and ends with this process");
        let hint = "name the broker that the workers use, as in `--broker ./data`, or set \
                    CELERIAC_BROKER";
        Err(Problem::usage(message).hint(hint))
    }

    /// Refuses to look into a broker that nobody has used, which a look would
    /// make: most likely its address is not the one that was meant.
    pub(crate) fn needs_used_broker(&self, what: &str) -> Result<()> {
        self.needs_lasting_broker(what)?;
        match self.directory() {
            Some(directory) if !directory.exists() => {
                let message = format!("{what}: {} does not exist", directory.display());
                let hint = "name the broker that the workers use, as in `--broker ./data`; \
                            the first `send` or `worker` makes a new one";
                Err(Problem::new(Exit::NotFound, message).hint(hint))
            }
            _ => Ok(()),
        }
    }

    /// The directory of the broker, if it is one.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        let broker = &self.app.config().broker;
        (broker.scheme() == "file").then(|| PathBuf::from(broker.rest()))
    }
}
