//! A directory as this process uses it: as its owner, or as a client of the
//! owner; and the change from the one to the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use jumpstarter::{Address, System};
use parking_lot::RwLock;

use super::owner::Owner;
use crate::Options;
use crate::hub::SeenTimers;
use crate::socket::{Client, Server};

/// How often the directory is tried when neither its lock nor its owner is to
/// be had: an owner that starts or stops may need that long.
const ATTEMPTS: u32 = 100;
/// The wait between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// What this process is to the directory.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Owner(Arc<Owning>),
    Client(Arc<Client>),
}

/// The owner and its server.
#[derive(Debug)]
pub(super) struct Owning {
    pub(super) owner: Arc<Owner>,
    server: Address<Server>,
}

impl Drop for Owning {
    fn drop(&mut self) {
        drop(self.server.stop());
    }
}

/// A directory as this process uses it.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    options: Options,
    system: System,
    role: RwLock<Role>,
    /// Held by the one call that looks for a new role.
    looking: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    pub(super) seen_timers: SeenTimers,
}

impl Place {
    pub(super) async fn open(directory: &Path, options: Options, system: &System) -> Result<Self> {
        let role = find(directory, &options, system).await?;
        Ok(Self {
            directory: directory.to_owned(),
            options,
            system: system.clone(),
            role: RwLock::new(role),
            looking: tokio::sync::Mutex::new(()),
            closed: AtomicBool::new(false),
            seen_timers: SeenTimers::default(),
        })
    }

    pub(super) fn is_owner(&self) -> bool {
        matches!(*self.role.read(), Role::Owner(_))
    }

    /// What this process is now; `None` if its owner is gone.
    pub(super) fn current(&self, operation: &'static str) -> Result<Option<Role>> {
        self.check_open(operation)?;
        let role = self.role.read();
        let lost = matches!(&*role, Role::Client(client) if client.is_lost());
        Ok((!lost).then(|| role.clone()))
    }

    /// What this process is; if its owner is gone, it looks for another one, or
    /// becomes it.
    pub(super) async fn role(&self, operation: &'static str) -> Result<Role> {
        if let Some(role) = self.current(operation)? {
            return Ok(role);
        }
        let _looking = self.looking.lock().await;
        if let Some(role) = self.current(operation)? {
            return Ok(role);
        }
        let role = find(&self.directory, &self.options, &self.system).await?;
        *self.role.write() = role.clone();
        // A close that came meanwhile did not see this role.
        if self.closed.load(Ordering::Acquire) {
            role.close().await;
        }
        self.check_open(operation)?;
        Ok(role)
    }

    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let role = self.role.read().clone();
        role.close().await;
    }

    fn check_open(&self, operation: &'static str) -> Result<()> {
        if !self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        let directory = self.directory.display();
        let context = format!("file://{directory} was closed; open it again");
        Err(Error::new(ErrorKind::Closed, operation, context))
    }
}

impl Role {
    async fn close(&self) {
        match self {
            Self::Client(client) => client.close(),
            Self::Owner(owning) => {
                owning.owner.shut();
                let _exit = owning.server.stop().await;
                owning.owner.close().await;
            }
        }
    }
}

/// Becomes the owner, or a client of the owner.
async fn find(directory: &Path, options: &Options, system: &System) -> Result<Role> {
    let mut attempt = 1;
    loop {
        if let Some(owner) = Owner::open(directory, options, system).await? {
            return Ok(Role::Owner(Arc::new(own(owner, directory, system))));
        }
        match Client::connect(directory, system).await {
            Ok(client) => return Ok(Role::Client(Arc::new(client))),
            Err(error) if error.kind() != ErrorKind::Busy || attempt == ATTEMPTS => {
                return Err(error);
            }
            Err(_) => {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn own(owner: Owner, directory: &Path, system: &System) -> Owning {
    let owner = Arc::new(owner);
    let (served, directory) = (Arc::downgrade(&owner), directory.to_owned());
    let serve = move || Server::new(served.clone(), directory.clone());
    Owning { owner, server: system.spawn("embedded-server", super::tireless(), serve) }
}
