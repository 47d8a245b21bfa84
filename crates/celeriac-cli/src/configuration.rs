//! The configuration of a call: the app's own, then the file, then flags.

use std::path::{Path, PathBuf};

use celeriac::Config;

use crate::arguments::{Command, Globals};
use crate::problem::{Problem, Result};

/// The file that is read if no other is named and it exists.
const DEFAULT_FILE: &str = "celeriac.toml";

/// What the configuration of this call comes to.
pub(crate) fn load(own: &Config, globals: &Globals, command: &Command) -> Result<Config> {
    let mut config = match file(globals) {
        Some(path) => read(&path)?,
        None => own.clone(),
    };
    if let Some(broker) = &globals.broker {
        config.broker.clone_from(broker);
    }
    if let Command::Dev(args) | Command::Worker(args) = command {
        args.apply(&mut config);
    }
    Ok(config)
}

fn file(globals: &Globals) -> Option<PathBuf> {
    let default = Path::new(DEFAULT_FILE);
    globals.config.clone().or_else(|| default.exists().then(|| default.to_owned()))
}

fn read(path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::usage(format!("failed to read {}: {error}", path.display()))
            .hint("name another file with --config, or make one: `celeriac config show`")
    })?;
    toml::from_str(&text)
        .map_err(|error| Problem::usage(format!("{} is not valid: {error}", path.display())))
}
