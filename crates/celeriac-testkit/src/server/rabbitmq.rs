//! `rabbitmq-server`: a node of its own, with its own name and folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Place;

/// The script that starts it, behind the one that changes the user.
const SCRIPT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(super) fn program() -> Option<PathBuf> {
    let script = Path::new(SCRIPT);
    script.is_file().then(|| script.to_owned())
}

pub(super) fn prepare(place: &Place<'_>) {
    let settings = format!("listeners.tcp.local = 127.0.0.1:{}\n", place.port);
    std::fs::write(place.directory.join("rabbitmq.conf"), settings).expect("the folder is ours");
    std::fs::write(place.directory.join("plugins"), "[].\n").expect("the folder is ours");
}

pub(super) fn command(program: &Path, place: &Place<'_>) -> Command {
    let mut command = Command::new(program);
    let folder = place.directory;
    command
        .args(place.arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("RABBITMQ_NODENAME", format!("celeriac-{}@localhost", place.port))
        .env("RABBITMQ_DIST_PORT", (place.port + 10_000).to_string())
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"));
    command
}
