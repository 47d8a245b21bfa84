//! The durable driver: the [hub](crate::hub) with a journal behind it.

mod broker;
mod changes;
mod journal;
mod owner;
mod reader;
mod running;
mod store;
mod writer;

use std::path::Path;
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use jumpstarter::System;

use crate::Options;
use owner::Owner;

/// Broker and store in a directory: `file:///dir`.
///
/// What is acknowledged is on disk. An `Ack` of a delivery is written soon, not
/// at once: after a crash such a message may come again, with `redelivered`.
#[derive(Debug)]
pub struct Durable {
    owner: Owner,
}

impl Durable {
    /// Opens a directory, and makes it if there is none. Its actors live in
    /// `system`.
    ///
    /// # Errors
    /// `Busy` if another process has it open; `Corrupt` if what is there is
    /// damaged or another program's, which is left as it was; `Config` if it is
    /// no directory, or was written by a newer version; `Denied`, `NoSpace` as
    /// they say.
    pub async fn open(
        directory: impl AsRef<Path>,
        options: Options,
        system: &System,
    ) -> Result<Arc<Self>> {
        let directory = directory.as_ref();
        match Owner::open(directory, &options, system).await? {
            Some(owner) => Ok(Arc::new(Self { owner })),
            None => {
                let context = format!("{}: another process has it open", directory.display());
                Err(Error::new(ErrorKind::Busy, "open", context))
            }
        }
    }
}

/// How an actor is run that blocks and can't be made twice.
fn once_only() -> jumpstarter::Options {
    let options = jumpstarter::Options::default().dedicated_thread();
    options.restart(jumpstarter::RestartPolicy::Temporary)
}

/// Makes an actor that can't be made twice.
fn once<A>(actor: A) -> impl FnMut() -> A {
    let mut only = Some(actor);
    move || match only.take() {
        Some(actor) => actor,
        None => unreachable!("an actor that is never restarted is made once"),
    }
}
