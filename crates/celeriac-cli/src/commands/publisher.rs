//! `celeriac publisher`: the daemon that other processes send through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use celeriac::{DaemonError, DaemonOptions};

use crate::problem::{Exit, Problem, Result};
use crate::session::Session;
use crate::signals::Signals;

/// Where it speaks HTTP unless it is told otherwise.
const DEFAULT_HTTP: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8470);

const EXAMPLES: &str = "\
Examples:
  celeriac --broker ./data publisher
  celeriac publisher --http 127.0.0.1:8470 --unix /run/celeriac.sock
  celeriac publisher --http 0.0.0.0:8470 --token-file /etc/celeriac/token

  curl -d '{\"task\": \"mail.send\", \"args\": [1]}' http://127.0.0.1:8470/tasks
  curl 'http://127.0.0.1:8470/tasks/ID?wait=10s'

The protocol stands in docs/publisher.md. Ctrl-C or SIGTERM stops it gracefully: what it was
asked is answered first. What it answered with an id is as durable as the broker promises.";

/// Take tasks from other processes, over HTTP and sockets.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PublisherArgs {
    /// Speak HTTP here. Default, if nothing else is given: 127.0.0.1:8470.
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Take frames over TCP here.
    #[arg(long, value_name = "ADDR")]
    tcp: Option<SocketAddr>,
    /// Take frames over this Unix socket.
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// A file with the token that TCP and HTTP must show; needed for addresses
    /// that are not of the loopback.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How long requests may take to be answered when it stops.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[arg(default_value = "10s")]
    grace: Duration,
}

pub(crate) async fn run(args: &PublisherArgs, session: &Session) -> Result<()> {
    session.needs_lasting_broker("nobody would run it")?;
    let mut signals = Signals::listen()?;
    let is_default = args.http.is_none() && args.tcp.is_none() && args.unix.is_none();
    let options = DaemonOptions {
        unix: args.unix.clone(),
        tcp: args.tcp,
        http: if is_default { Some(DEFAULT_HTTP) } else { args.http },
        token: args.token_file.as_deref().map(token).transpose()?,
        ..DaemonOptions::default()
    };
    let daemon = tokio::select! {
        started = session.app.start_daemon(options) => started?,
        () = signals.next() => return Err(interrupted()),
    };
    let shown = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    tracing::info!(http = shown(daemon.http()), tcp = shown(daemon.tcp()),
        unix = args.unix.as_ref().map(|path| path.display().to_string()),
        broker = %session.app.config().broker, "started");
    signals.next().await;
    tracing::info!("stopping: what was asked is answered; a second Ctrl-C stops at once");
    tokio::select! {
        () = daemon.stop(args.grace) => {}
        () = signals.next() => return Err(interrupted()),
    }
    tracing::info!("stopped");
    Ok(())
}

fn token(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Problem::usage(format!("failed to read the token in {}: {error}", file.display()))
    })?;
    match text.trim() {
        "" => Err(Problem::usage(format!("{} holds no token", file.display()))),
        token => Ok(token.to_owned()),
    }
}

fn interrupted() -> Problem {
    Problem::new(Exit::Interrupted, "stopped before all had their answers")
}

impl From<DaemonError> for Problem {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Connect(error) => error.into(),
            other => Self::usage(other),
        }
    }
}
