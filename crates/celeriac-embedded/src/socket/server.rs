//! The owner's side: an actor that listens, and a session for each client.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jumpstarter::{Context, actor};
use tokio::net::UnixListener;

use super::path::SocketPath;
use super::session::Session;
use crate::durable::Owner;

/// How long it waits after a connection could not be accepted (too many open
/// files, say).
const PAUSE: Duration = Duration::from_millis(100);

/// Listens in the owner's directory.
pub(crate) struct Server {
    listener: Option<UnixListener>,
    owner: Weak<Owner>,
    directory: PathBuf,
}

/// Binds the socket; whatever a former owner left there is replaced. Only who
/// holds the directory's lock may call this.
pub(crate) fn listen(directory: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let path = SocketPath::of(directory)?;
    match std::fs::remove_file(path.as_path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path.as_path())?;
    // Whoever may use the directory's files may use its socket, and nobody else.
    std::fs::set_permissions(path.as_path(), Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[actor]
impl Server {
    /// A server of the owner, which it does not keep alive.
    pub(crate) fn new(
        listener: std::os::unix::net::UnixListener,
        owner: &Arc<Owner>,
        directory: &Path,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: Some(UnixListener::from_std(listener)?),
            owner: Arc::downgrade(owner),
            directory: directory.to_owned(),
        })
    }

    #[started]
    fn accept_all(&mut self, ctx: &mut Context<Self>) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let (owner, spawner, directory) =
            (self.owner.clone(), ctx.spawner(), self.directory.clone());
        ctx.spawn(async move {
            let scope = spawner.scope();
            loop {
                let accepted = tokio::select! {
                    () = scope.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((socket, _)) => {
                        let session = Session::new(socket, owner.clone(), spawner.clone());
                        spawner.spawn(session.run());
                    }
                    Err(error) => {
                        tracing::warn!(%error, directory = %directory.display(), "accept failed");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
    }
}
