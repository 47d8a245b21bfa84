//! A private server: made in a temporary directory, on a free port, so that it
//! may be killed.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use celeriac_testkit::probe::{eventually, within};
use sqlx::{Connection, PgConnection};

/// Where the server's programs may be, the newest first.
const DIRECTORIES: &str = "/usr/lib/postgresql";

/// A server of its own.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    child: Child,
}

/// The directory of `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DIRECTORIES).ok()?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    programs.filter(|programs| programs.join("initdb").exists()).max()
}

/// The server refuses to run as root.
fn as_its_user(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

fn spawn(directory: &Path, programs: &Path, port: u16) -> Child {
    let mut server = as_its_user(&programs.join("postgres"));
    server.arg("-D").arg(directory.join("data")).arg("-k").arg(directory);
    server.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl Server {
    /// Starts one, or says why there is none. `settings` are lines of its
    /// configuration; `access` those of who may connect from where.
    pub(crate) async fn start(settings: &str, access: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: no PostgreSQL server below {DIRECTORIES} to start a private one");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let data = directory.path().join("data");
        let mut initdb = as_its_user(&programs.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", "celeriac", "--no-sync", "-A", "trust"]);
        let made = initdb.stdout(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let settings = format!("max_connections = 60\nshared_buffers = 16MB\n{settings}\n");
        append(&data.join("postgresql.conf"), &settings);
        if !access.is_empty() {
            std::fs::write(data.join("pg_hba.conf"), access).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(directory.path(), &programs, port);
        let server = Self { directory, programs, port, child };
        server.ready().await;
        Some(server)
    }

    /// The address, without user and parameters.
    pub(crate) fn address(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection through its socket.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let directory = self.directory.path().display();
        let address =
            format!("postgres://celeriac@localhost:{}/postgres?host={directory}", self.port);
        PgConnection::connect(&address).await
    }

    /// Waits until it answers.
    async fn ready(&self) {
        eventually("the private server", || async { self.connect().await.is_ok() }).await;
    }

    /// Kills it with all that it runs, without a word.
    pub(crate) fn kill(&mut self) {
        let pid = self.child.id().to_string();
        // Its children notice when their parent is gone, and end.
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    /// Starts it again. It ends at once, and is started once more, while children of
    /// the one that was killed are still there.
    pub(crate) async fn start_again(&mut self) {
        let answers = async {
            loop {
                self.child = spawn(self.directory.path(), &self.programs, self.port);
                while self.child.try_wait().unwrap().is_none() {
                    if self.connect().await.is_ok() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        };
        within("the server that was started again", Box::pin(answers)).await;
    }
}

fn append(file: &Path, lines: &str) {
    let before = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, before + lines).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
