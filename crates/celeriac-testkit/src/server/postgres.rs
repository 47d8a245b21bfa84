//! `postgres`. It refuses to run as root.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Place, as_user};

/// Where its programs may be, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder of `initdb` and `postgres`, of the newest version.
pub(super) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    programs.filter(|programs| programs.join("initdb").exists()).max()
}

pub(super) fn prepare(place: &Place<'_>) {
    let open = Permissions::from_mode(0o777);
    std::fs::set_permissions(place.directory, open).expect("the folder is ours");
    let initdb = programs().expect("it was found before").join("initdb");
    let mut initdb = as_user("postgres", &initdb);
    initdb.arg("-D").arg(place.directory.join("data"));
    initdb.args(["-U", "celeriac", "--no-sync", "-A", "trust"]);
    let made = initdb.stdout(Stdio::null()).output().expect("initdb runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

pub(super) fn command(program: &Path, place: &Place<'_>) -> Command {
    let mut command = as_user("postgres", program);
    command.arg("-D").arg(place.directory.join("data")).arg("-k").arg(place.directory);
    command.args(["-h", "127.0.0.1", "-p", &place.port.to_string()]);
    command.args(["-c", "max_connections=200", "-c", "shared_buffers=64MB"]);
    command.args(place.arguments);
    command
}
