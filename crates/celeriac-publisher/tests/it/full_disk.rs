//! A file system that is really full under the backlog, and a process that dies
//! then. It is a small one in a mount namespace of the test's own, in which the
//! test binary runs itself twice: to fill it, and as the heir.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use celeriac_core::Broker;
use celeriac_core::broker::Limit;
use celeriac_publisher::Courier;
use celeriac_testkit::probe::{eventually, poll_once, within};
use celeriac_testkit::sample::batch;
use jumpstarter::System;

use crate::outage::{Outage, Power, brisk};

const PART: &str = "CELERIAC_TEST_PART";
/// The folder of all, in which the small file system is mounted at `small`.
const FOLDER: &str = "CELERIAC_TEST_FOLDER";
/// Mounts it, and runs both parts; `$0` is the binary, `$@` its arguments.
const SCRIPT: &str = "\
    mount -t tmpfs -o size=40m small $CELERIAC_TEST_FOLDER/small || exit\n\
    CELERIAC_TEST_PART=fill \"$0\" \"$@\"\n\
    CELERIAC_TEST_PART=drain exec \"$0\" \"$@\"";
/// What `unshare` is told for a mount namespace of one's own.
const OWN: [&str; 3] = ["--user", "--map-root-user", "--mount"];
/// How many are sent at once.
const BATCH: u64 = 500;

/// A courier to a broker that is down, with its backlog on the small file system.
async fn courier(folder: &Path, system: &System) -> (Arc<Outage>, Courier) {
    let broker = Outage::new();
    broker.switch(Power::Off);
    let options = celeriac_embedded::Options::default();
    let small = folder.join("small");
    let disk = celeriac_embedded::Durable::open(&small, options, system);
    let options = celeriac_publisher::courier::Options { limit: 1_000_000, ..brisk() };
    let courier = Courier::start(system, "b", broker.clone(), Some(disk.await.unwrap()), options);
    (broker, courier)
}

/// Sends until nothing more fits, notes how many were accepted, and dies.
async fn fill(folder: &Path) {
    let system = System::new("filler");
    let (_broker, courier) = courier(folder, &system).await;
    for first in (0..).step_by(BATCH as usize) {
        let numbers = batch("q", first..first + BATCH);
        let mut sent = courier.publish(&numbers, Limit::Respect);
        let is_full = || std::future::ready(courier.report().disk_fails);
        tokio::select! {
            accepted = &mut sent => accepted.unwrap(),
            () = eventually("an answer", is_full) => {
                assert!(poll_once(&mut sent).is_pending(), "it waits in memory");
                std::fs::write(folder.join("accepted"), first.to_string()).unwrap();
                std::process::abort();
            }
        };
    }
}

/// Opens what is full, drains it, and finds room again.
async fn drain(folder: &Path) {
    let accepted = std::fs::read_to_string(folder.join("accepted")).unwrap();
    let accepted: u64 = accepted.parse().unwrap();
    assert!(accepted > 10 * BATCH, "{accepted} are few");
    let system = System::new("heir");
    let (broker, courier) = courier(folder, &system).await;
    broker.switch(Power::On);
    eventually("the backlog to be empty", || std::future::ready(courier.report().is_up)).await;
    let found = broker.take("q", usize::try_from(accepted).unwrap()).await;
    assert_eq!(found, Vec::from_iter(0..accepted), "in order, none lost");
    // Of the batch that had no room nothing was accepted; a part may be there.
    let more = broker.depth("q").await;
    assert!(more <= BATCH, "{more} came from nowhere");

    // What was freed is room inside the database: the disk is as full as before.
    broker.switch(Power::Off);
    for first in (0..accepted / 2).step_by(BATCH as usize) {
        let again = batch("r", first..first + BATCH);
        within("room on disk", courier.publish(&again, Limit::Respect)).await.unwrap();
        assert!(!courier.report().disk_fails, "{first} of {accepted}");
    }
    Broker::close(&courier).await;
    std::fs::write(folder.join("drained"), "").unwrap();
}

#[test]
fn what_was_accepted_before_the_disk_was_full_is_drained_and_then_there_is_room() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let (Some(part), Some(folder)) = (std::env::var_os(PART), std::env::var_os(FOLDER)) {
        let folder = PathBuf::from(folder);
        return runtime.block_on(async {
            if part == "fill" { fill(&folder).await } else { drain(&folder).await }
        });
    }
    if !may_mount() {
        return println!("skipped: this machine lets nobody mount in a namespace of his own");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("small")).unwrap();
    let this = "full_disk::\
                what_was_accepted_before_the_disk_was_full_is_drained_and_then_there_is_room";
    let ended = Command::new("unshare")
        .args(OWN)
        .args(["sh", "-c", SCRIPT])
        .arg(std::env::current_exe().unwrap())
        .args([this, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .status()
        .unwrap();
    assert!(ended.success() && folder.path().join("drained").exists(), "{ended}");
}

fn may_mount() -> bool {
    let mounting = ["mount", "-t", "tmpfs", "small", "/mnt"];
    let tried = Command::new("unshare").args(OWN).args(mounting).status();
    tried.is_ok_and(|status| status.success())
}
