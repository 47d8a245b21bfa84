//! Servers for the measurements: private ones, on free ports, stopped at the
//! end; of RabbitMQ and PostgreSQL the machine's own, or those that a variable
//! names.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Redis without AOF: what it accepted outlives workers, not itself.
    Redis,
    /// JetStream, with streams in files.
    Nats,
    /// Classic queues that are durable, as it is configured.
    RabbitMq,
    /// As it is configured.
    Postgres,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Nats => "NATS",
            Self::RabbitMq => "RabbitMQ",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Whether it keeps messages only, so that a Redis keeps the outcomes.
    pub fn needs_store(self) -> bool {
        matches!(self, Self::Nats | Self::RabbitMq)
    }

    /// The machine's own, where there is no private one.
    fn standing(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::RabbitMq => Some(("CELERIAC_TEST_AMQP", "amqp://guest:guest@127.0.0.1:5672")),
            Self::Postgres => {
                Some(("CELERIAC_TEST_POSTGRES", "postgres://root@127.0.0.1:5432/test"))
            }
            Self::Redis | Self::Nats => None,
        }
    }
}

/// A running server.
pub struct Server {
    kind: Kind,
    /// A private one.
    child: Option<(Child, TempDir)>,
    address: String,
}

impl Server {
    pub fn start(kind: Kind) -> Result<Self> {
        if let Some((variable, address)) = kind.standing() {
            let address = std::env::var(variable).unwrap_or_else(|_| address.to_owned());
            let host = address.rsplit('@').next().unwrap_or_default();
            let host = host.split('/').next().unwrap_or_default();
            TcpStream::connect(host).with_context(|| {
                format!("no {} at {host}; {variable} names another", kind.name())
            })?;
            return Ok(Self { kind, child: None, address });
        }
        let dir = tempfile::tempdir()?;
        // Somebody else could take the port meanwhile: then the start fails.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (mut command, scheme) = match kind {
            Kind::Nats => {
                let mut nats = Command::new("nats-server");
                nats.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]);
                nats.arg(dir.path());
                (nats, "nats")
            }
            _ => {
                let mut redis = Command::new("redis-server");
                redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
                redis.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
                (redis, "redis")
            }
        };
        command.current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = kind.name();
        let child = command.spawn().with_context(|| format!("{name} can't be started"))?;
        let address = format!("{scheme}://127.0.0.1:{port}");
        let server = Self { kind, child: Some((child, dir)), address };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > PATIENCE {
                bail!("{name} does not answer");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Removes all that is there; elsewhere each measurement has names of its own.
    pub fn clear(&self) -> Result<()> {
        if self.kind != Kind::Redis {
            return Ok(());
        }
        let mut connection = redis::Client::open(self.address.as_str())?.get_connection()?;
        redis::cmd("FLUSHALL").exec(&mut connection)?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
