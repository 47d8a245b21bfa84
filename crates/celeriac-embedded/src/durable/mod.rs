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
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::store::StoreId;
use jumpstarter::{Backoff, RestartPolicy, System};

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
    store_id: StoreId,
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
        Ok(Arc::new(Self { place: Arc::new(place), store_id: StoreId::next() }))
    }

    /// Whether this process is the one that has the directory's database open.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.place.is_owner()
    }
}

/// Crashes in this time are counted together: the pause grows with them.
const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause between a crash and the next start.
const CRASH_PAUSE: Backoff =
    Backoff { first: Duration::from_millis(10), max: Duration::from_secs(1) };

/// How every actor of a directory is run: it starts again, however often it
/// crashes, and who asks it meanwhile waits. One that gave up would leave the
/// process with a directory that nobody can use.
fn tireless() -> jumpstarter::Options {
    jumpstarter::Options::default()
        .restart(RestartPolicy::Permanent)
        .intensity(u32::MAX, CRASH_WINDOW)
        .backoff(CRASH_PAUSE)
}
