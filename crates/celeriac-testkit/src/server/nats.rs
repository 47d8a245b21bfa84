//! `nats-server`.

use std::path::Path;
use std::process::Command;

use super::Place;

pub(super) fn command(program: &Path, place: &Place<'_>) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-js", "-a", "127.0.0.1", "-p", &place.port.to_string(), "-sd"])
        .arg(place.directory)
        .args(place.arguments);
    command
}
