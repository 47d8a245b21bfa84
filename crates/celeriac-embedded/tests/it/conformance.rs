//! The suite that every driver owes, for each variant of this one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use celeriac_core::BoxFuture;
use celeriac_embedded::{Durable, Memory, Options};
use celeriac_testkit::faulty::Plan;
use celeriac_testkit::{Crashed, Driver, Faulty, Harness, Setup};
use jumpstarter::System;

fn options(setup: Setup) -> Options {
    let mut options = Options::default();
    if let Some(queue_limit) = setup.queue_limit {
        options.queue_limit = queue_limit;
    }
    options
}

struct InMemory;

impl Harness for InMemory {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let memory = Memory::new(options(setup));
            Driver { broker: memory.clone(), store: memory, keep: Box::new(()) }
        })
    }
}

/// A directory of its own for each case; a crash is a copy of it.
struct OnDisk;

async fn open(directory: tempfile::TempDir, setup: Setup) -> Driver {
    let system = System::new("conformance");
    let durable = Durable::open(directory.path(), options(setup), &system).await;
    let durable = durable.unwrap();
    Driver { broker: durable.clone(), store: durable, keep: Box::new(Arc::new(directory)) }
}

/// Copies what a crash leaves: the files as they all were at one moment. Who
/// writes or ends meanwhile moves pages from the log to the database, so that one file
/// after the other may be both without them.
pub(crate) fn copy(from: &Path, to: &Path) {
    let mut files = read(from);
    loop {
        // What is the same twice in a row was so between the two.
        let again = read(from);
        if again == files {
            break;
        }
        files = again;
    }
    files.into_iter().for_each(|(name, bytes)| std::fs::write(to.join(name), bytes).unwrap());
}

fn read(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // The index of the log is made anew by whoever opens it first.
        if entry.file_type().unwrap().is_file() && name != "celeriac.db-shm" && name != "owner.lock"
        {
            match std::fs::read(entry.path()) {
                Ok(bytes) => drop(files.insert(name, bytes)),
                // The log goes when its last writer does.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => panic!("{name:?}: {error}"),
            }
        }
    }
    files
}

impl Harness for OnDisk {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(open(tempfile::tempdir().unwrap(), setup))
    }

    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let left: &Arc<tempfile::TempDir> = crashed.driver.keep.downcast_ref().unwrap();
            let found = tempfile::tempdir().unwrap();
            copy(left.path(), found.path());
            let driver = open(found, crashed.setup).await;
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move {
            let directory: &Arc<tempfile::TempDir> = driver.keep.downcast_ref().unwrap();
            let system = System::new("second");
            let durable = Durable::open(directory.path(), options(setup), &system).await.unwrap();
            Driver { broker: durable.clone(), store: durable, keep: Box::new(directory.clone()) }
        })
    }
}

mod memory {
    use super::*;
    celeriac_testkit::conformance!(InMemory);
}

/// Memory behind a decorator whose plan has no fault: it must change nothing.
struct Decorated;

impl Harness for Decorated {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let driver = InMemory.open(setup).await;
            let plan = Plan::new();
            Driver {
                broker: Faulty::broker(driver.broker, &plan),
                store: Faulty::store(driver.store, &plan),
                ..driver
            }
        })
    }
}

mod without_faults {
    use super::*;
    celeriac_testkit::conformance!(Decorated);
}

mod durable {
    use super::*;
    celeriac_testkit::conformance!(OnDisk);
}
