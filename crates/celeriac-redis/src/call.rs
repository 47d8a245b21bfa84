//! One command or script call, as a value: what it touches, and how it is sent.

use redis::{Cmd, ToRedisArgs};

use crate::script::Script;

/// A command for the server.
pub(crate) struct Call {
    script: Option<&'static Script>,
    command: Cmd,
}

impl Call {
    /// A script on the keys that begin with `key`.
    pub(crate) fn script(script: &'static Script, key: &str) -> Self {
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(script.sha()).arg(1).arg(key);
        Self { script: Some(script), command }
    }

    /// A command; its first argument should be its key.
    pub(crate) fn command(name: &str) -> Self {
        Self { script: None, command: redis::cmd(name) }
    }

    /// One more argument.
    pub(crate) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// One more argument, in place.
    pub(crate) fn push(&mut self, argument: impl ToRedisArgs) {
        self.command.arg(argument);
    }

    /// What it calls its script with: the key, and the arguments.
    pub(crate) fn words(&self) -> impl Iterator<Item = &[u8]> {
        let words = self.command.args_iter().filter_map(|argument| match argument {
            redis::Arg::Simple(word) => Some(word),
            _ => None,
        });
        // `EVALSHA`, the hash, the number of keys.
        words.skip(3)
    }

    /// The script, if it calls one, and what is sent.
    pub(crate) fn into_parts(self) -> (Option<&'static Script>, Cmd) {
        (self.script, self.command)
    }

    /// The same with the script's text, for a server that may not know it yet.
    pub(crate) fn with_text(&self) -> Option<Cmd> {
        self.script.map(|script| with_text(script, &self.command))
    }
}

/// The call of a script with its text in place of its hash.
pub(crate) fn with_text(script: &Script, call: &Cmd) -> Cmd {
    let mut command = Cmd::new();
    command.arg("EVAL").arg(script.text());
    for argument in call.args_iter().skip(2) {
        if let redis::Arg::Simple(argument) = argument {
            command.arg(argument);
        }
    }
    command
}
