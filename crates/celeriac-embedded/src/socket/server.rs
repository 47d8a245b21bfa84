//! The owner's side: an actor that listens, and a session for each client.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Duration;

use jumpstarter::{Context, Flow, actor};
use tokio::net::UnixListener;

use super::path::SocketPath;
use super::session::Session;
use crate::durable::Owner;

/// How long it waits after a connection could not be accepted (too many open
/// files, say), and before it tries to listen for the second time.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest wait between two tries to listen.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Listens in the owner's directory. The owner can do without it: while it can't
/// listen, this actor is degraded, and other processes can't use the directory.
pub(crate) struct Server {
    listener: Option<UnixListener>,
    owner: Weak<Owner>,
    directory: PathBuf,
    pause: Duration,
}

/// Binds the socket; whatever a former owner left there is replaced. Only who
/// holds the directory's lock may call this.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    let path = SocketPath::of(directory)?;
    match std::fs::remove_file(path.as_path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path.as_path())?;
    // Whoever may use the directory's files may use its socket, and nobody else.
    std::fs::set_permissions(path.as_path(), Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[actor]
impl Server {
    /// A server of the owner, which it does not keep alive.
    pub(crate) fn new(owner: Weak<Owner>, directory: PathBuf) -> Self {
        Self { listener: None, owner, directory, pause: PAUSE }
    }

    /// Tries to listen; once it does, takes the next connection.
    #[task]
    async fn serve(&mut self, ctx: &mut Context<Self>) -> Flow {
        let directory = self.directory.display();
        let listener = match &self.listener {
            Some(listener) => listener,
            None => match listen(&self.directory) {
                Ok(listener) => {
                    self.pause = PAUSE;
                    // Refused where nothing was wrong.
                    let _ = ctx.recover();
                    self.listener.insert(listener)
                }
                Err(error) => {
                    tracing::warn!(%error, %directory,
                        "no socket: other processes can't use the directory; tried again");
                    // Refused where it was reported before.
                    let _ = ctx.report_warning();
                    let after = self.pause;
                    self.pause = (after * 2).min(MAX_PAUSE);
                    return Flow::Retry { after };
                }
            },
        };
        match listener.accept().await {
            Ok((socket, _)) => {
                let session = Session::new(socket, self.owner.clone(), ctx.spawner());
                ctx.spawn(session.run());
                Flow::Continue
            }
            Err(error) => {
                tracing::warn!(%error, %directory, "accept failed");
                Flow::Retry { after: PAUSE }
            }
        }
    }
}
