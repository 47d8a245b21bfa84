//! The durable driver: the [hub](crate::hub) with a journal behind it, in this
//! process or in the one that has the directory open.

mod broker;
mod changes;
mod consumer;
mod journal;
mod owner;
mod place;
mod reader;
mod running;
mod store;
mod workflow_rows;
mod workflows;
mod writer;

use std::path::Path;
use std::sync::Arc;

use celeriac_core::error::Result;
use jumpstarter::System;

use crate::Options;
pub(crate) use owner::Owner;
use place::Place;

/// Broker and store in a directory: `file:///dir`.
///
/// What is acknowledged is on disk. An `Ack` of a delivery is written soon, not
/// at once: after a crash such a message may come again, with `redelivered`.
///
/// The first process that opens a directory owns it; others use it through the
/// owner. When the owner ends, what the others wait for fails with a retryable
/// error, and one of them becomes the owner with its next call.
#[derive(Debug)]
pub struct Durable {
    place: Arc<Place>,
}

impl Durable {
    /// Opens a directory, and makes it if there is none. Its actors live in
    /// `system`, which must outlive it.
    ///
    /// # Errors
    /// `Corrupt` if what is there is damaged or another program's, which is
    /// left as it was; `Config` if it is no directory, or belongs to another
    /// version; `Busy` if another process has it open and does not answer;
    /// `Denied`, `NoSpace` as they say.
    pub async fn open(
        directory: impl AsRef<Path>,
        options: Options,
        system: &System,
    ) -> Result<Arc<Self>> {
        let place = Place::open(directory.as_ref(), options, system).await?;
        Ok(Arc::new(Self { place: Arc::new(place) }))
    }

    /// Whether this process is the one that has the directory's database open.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.place.is_owner()
    }
}

/// How an actor is run that blocks and can't be made twice.
fn once_only() -> jumpstarter::Options {
    let options = jumpstarter::Options::default().dedicated_thread();
    options.restart(jumpstarter::RestartPolicy::Temporary)
}

/// Makes an actor that can't be made twice.
pub(crate) fn once<A>(actor: A) -> impl FnMut() -> A {
    let mut only = Some(actor);
    move || match only.take() {
        Some(actor) => actor,
        None => unreachable!("an actor that is never restarted is made once"),
    }
}
