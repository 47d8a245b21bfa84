//! `redis-server`.

use std::path::Path;
use std::process::Command;

use super::Place;

pub(super) fn command(program: &Path, place: &Place<'_>) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--port", &place.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(place.directory)
        .args(place.arguments);
    command
}
