//! The configuration of a call: the app's own, then the file, the variables of
//! the environment, and flags.

use celeriac::{Config, config};

use crate::arguments::{Command, Globals};
use crate::problem::{Problem, Result};

/// What the configuration of this call comes to.
pub(crate) fn load(own: &Config, globals: &Globals, command: &Command) -> Result<Config> {
    if let Command::Completions(_) = command {
        // A shell that starts needs them whatever is wrong here.
        return Ok(own.clone());
    }
    // What is not text can't be meant for us.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = own.clone().load_over(globals.config.as_deref(), variables)?;
    if let Some(broker) = &globals.broker {
        config.broker.clone_from(broker);
    }
    if let Some(store) = &globals.store {
        config.store = Some(store.clone());
    }
    if let Command::Dev(args) | Command::Worker(args) = command {
        args.apply(&mut config);
    }
    Ok(config)
}

impl From<config::Error> for Problem {
    fn from(error: config::Error) -> Self {
        let problem = Self::usage(&error);
        match error {
            config::Error::Read { .. } => {
                problem.hint("name another file with --config, or make one: `celeriac config show`")
            }
            // They say themselves what is allowed.
            config::Error::Mistakes(_) => problem,
        }
    }
}
