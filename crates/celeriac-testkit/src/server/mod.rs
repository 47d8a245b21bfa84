//! Private servers on free ports, which tests may kill.

#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod nats;
mod postgres;
mod rabbitmq;
mod redis;

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `redis-server`, which writes each change to its log before it answers.
    Redis,
    /// `nats-server` with JetStream.
    Nats,
    /// `postgres`, with the superuser `celeriac` and no passwords.
    Postgres,
    /// `rabbitmq-server`, with its user `guest`.
    RabbitMq,
}

/// A server of a test's own, in a temporary folder; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
    arguments: Vec<String>,
}

/// Where a server is to run, and on what.
struct Place<'a> {
    port: u16,
    directory: &'a Path,
    arguments: &'a [String],
}

impl Kind {
    /// The program that is the server; nothing if it is not installed.
    fn program(self) -> Option<PathBuf> {
        match self {
            Self::Redis => installed("redis-server"),
            Self::Nats => installed("nats-server"),
            Self::Postgres => postgres::programs().map(|programs| programs.join("postgres")),
            Self::RabbitMq => rabbitmq::program(),
        }
    }

    /// Writes what the server must find before its first start.
    fn prepare(self, place: &Place<'_>) {
        match self {
            Self::Postgres => postgres::prepare(place),
            Self::RabbitMq => rabbitmq::prepare(place),
            Self::Redis | Self::Nats => {}
        }
    }

    fn command(self, program: &Path, place: &Place<'_>) -> Command {
        match self {
            Self::Redis => redis::command(program, place),
            Self::Nats => nats::command(program, place),
            Self::Postgres => postgres::command(program, place),
            Self::RabbitMq => rabbitmq::command(program, place),
        }
    }
}

impl Server {
    /// Starts a server, with more arguments of its command line. Nothing, and
    /// a line that says so, where it is not installed.
    ///
    /// # Panics
    /// When it is installed and does not start.
    #[must_use]
    pub fn start(kind: Kind, arguments: &[&str]) -> Option<Self> {
        let Some(program) = kind.program() else {
            println!("skipped: there is no {kind:?} to start and kill");
            return None;
        };
        let directory = tempfile::tempdir().expect("a temporary folder");
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        let port = free_port();
        let place = Place { port, directory: directory.path(), arguments: &arguments };
        kind.prepare(&place);
        let child = run(kind, &program, &place);
        Some(Self { kind, child, port, directory, arguments })
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its folder, for files that it is to read.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its address, as a broker's or store's.
    #[must_use]
    pub fn address(&self) -> String {
        self.address_through(self.port)
    }

    /// Its address through another port, which leads to it.
    #[must_use]
    pub fn address_through(&self, port: u16) -> String {
        match self.kind {
            Kind::Redis => format!("redis://127.0.0.1:{port}"),
            Kind::Nats => format!("nats://127.0.0.1:{port}"),
            Kind::Postgres => format!("postgres://celeriac@127.0.0.1:{port}/postgres"),
            Kind::RabbitMq => format!("amqp://guest:guest@127.0.0.1:{port}"),
        }
    }

    /// Kills it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits until it has: it writes what it knows.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let _ = self.child.wait();
    }

    /// A script that starts the server hears of it as well: they are one group.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    }

    /// Starts it again with what it left.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        let program = self.kind.program().expect("it was there before");
        let (directory, arguments) = (self.directory.path(), self.arguments.as_slice());
        self.child = run(self.kind, &program, &Place { port: self.port, directory, arguments });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that was free a moment ago. A Redis cluster's bus and RabbitMQ's
/// distribution listen 10,000 above.
///
/// # Panics
/// When this machine gives no ports at all.
#[must_use]
pub fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        if port < 50_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

/// Runs it until it listens. One that ends at once is started again: what its
/// predecessor left may be locked for a moment.
fn run(kind: Kind, program: &Path, place: &Place<'_>) -> Child {
    let began = Instant::now();
    loop {
        let mut command = kind.command(program, place);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().expect("the program was found");
        while child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if TcpStream::connect(("127.0.0.1", place.port)).is_ok() {
                return child;
            }
            assert!(began.elapsed() < PATIENCE, "{kind:?} did not listen on {}", place.port);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert!(began.elapsed() < PATIENCE, "{kind:?} ends as soon as it is started");
    }
}

/// Where a program of the search path is.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command that runs as a user of that name if this process is root, which
/// some servers refuse to be.
fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
    command.args([&uid, &gid, "--init-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}
