//! The configuration of a call: the app's own, then the file, then flags.

use std::path::{Path, PathBuf};

use celeriac::Config;
use toml::{Table, Value};

use crate::arguments::{Command, Globals};
use crate::problem::{Problem, Result};

/// The file that is read if no other is named and it exists.
const DEFAULT_FILE: &str = "celeriac.toml";

/// What the configuration of this call comes to.
pub(crate) fn load(own: &Config, globals: &Globals, command: &Command) -> Result<Config> {
    let mut config = match file(globals) {
        Some(path) => over(own, &path)?,
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

/// The app's own configuration with what the file says written over it.
fn over(own: &Config, path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::usage(format!("failed to read {}: {error}", path.display()))
            .hint("name another file with --config, or make one: `celeriac config show`")
    })?;
    let invalid = |error: toml::de::Error| {
        Problem::usage(format!("{} is not valid: {error}", path.display()))
    };
    // Read as a whole first: its errors tell lines and the keys that are allowed.
    toml::from_str::<Config>(&text).map_err(invalid)?;
    let mut merged = Table::try_from(own).map_err(Problem::failure)?;
    merge(&mut merged, toml::from_str(&text).map_err(invalid)?);
    merged.try_into().map_err(invalid)
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_over(own: &Config, text: &str) -> Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("celeriac.toml");
        std::fs::write(&path, text).unwrap();
        over(own, &path)
    }

    #[test]
    fn what_the_file_does_not_say_stays_as_the_app_said() {
        let mut own = Config { broker: "memory://".to_owned(), ..Config::default() };
        own.worker.concurrency = 7;
        let config = file_over(&own, "[worker]\ngrace = \"5s\"\n").unwrap();
        own.worker.grace = std::time::Duration::from_secs(5);
        assert_eq!(config, own);
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_what_is_allowed() {
        let problem = file_over(&Config::default(), "[worker]\nqeues = []\n").unwrap_err();
        let message = problem.message();
        assert!(message.contains("line 2"), "{message}");
        assert!(message.contains("expected one of `name`, `queues`"), "{message}");
    }
}
