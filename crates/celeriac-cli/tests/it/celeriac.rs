//! Calls the program and keeps what it printed.

use std::process::{Command, Output};

/// The program, without the environment's settings.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_celeriac"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CELERIAC_")) {
        command.env_remove(name);
    }
    command.current_dir(std::env::temp_dir());
    command
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn celeriac(arguments: &[&str]) -> Called {
    Called::from(command(arguments).output().unwrap())
}

impl From<Output> for Called {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        Self {
            exit: status.code().unwrap(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}

impl Called {
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.exit, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}
